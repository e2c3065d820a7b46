"""Which GPUs an engine's process sees."""

from collections.abc import Sequence

from worker.engines.errors import EngineMisconfigured

VARIABLE = "CUDA_VISIBLE_DEVICES"


def choose_gpus(gpus: Sequence[int], visible: str | None) -> str | None:
    """What CUDA's variable has to be for these GPUs, counted among those that it shows us: schedulers set it, too.

    As it is where none is named.
    """
    if not gpus:
        return visible
    if visible is None:
        return ",".join(map(str, gpus))
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if max(gpus) >= len(names):
        raise EngineMisconfigured(
            f"gpus names GPU {max(gpus)}, but {VARIABLE} shows this process {len(names)} of them: {visible!r}"
        )
    return ",".join(names[gpu] for gpu in gpus)
