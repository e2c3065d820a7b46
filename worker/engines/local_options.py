"""The settings that a strategy file may give to an engine on this machine."""

from collections.abc import Mapping

from router.strategy import EngineSpec
from worker.engines.errors import EngineMisconfigured

# Passed on to vLLM as they are. The transformers engine reads dtype and max_num_seqs, its batch; the rest is allowed
# there too, so that one strategy file serves machines with and without vLLM.
LOCAL_OPTIONS = frozenset({
    "dtype", "enforce_eager", "gpu_memory_utilization", "kv_cache_memory_bytes", "max_num_seqs", "quantization",
    "tensor_parallel_size",
})  # fmt: skip


def check_local_options(spec: EngineSpec) -> Mapping[str, object]:
    """The spec's options, all of which are known; EngineMisconfigured names the others."""
    unknown = spec.options.keys() - LOCAL_OPTIONS
    if unknown:
        known = ", ".join(sorted(LOCAL_OPTIONS))
        raise EngineMisconfigured(
            f"engine {spec.name} has unknown options {', '.join(sorted(unknown))}; known: {known}"
        )
    rows = spec.options.get("max_num_seqs", 1)
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise EngineMisconfigured(f"engine {spec.name}: max_num_seqs must be a positive integer, got {rows!r}")
    return spec.options
