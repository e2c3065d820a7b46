"""Which GPUs a process sees that is started for an engine."""

import pytest

from worker.engines.errors import EngineMisconfigured
from worker.engines.visible_gpus import choose_gpus


@pytest.mark.parametrize(
    ("gpus", "ours", "shown"),
    [
        ((), None, None),
        ((), "4,5", "4,5"),
        ((2, 0), None, "2,0"),
        ((1, 0), "4, 5", "5,4"),
        ((1,), "GPU-8932f937,MIG-1", "MIG-1"),
    ],
)
def test_they_are_counted_among_those_that_we_see(gpus: tuple[int, ...], ours: str | None, shown: str | None) -> None:
    assert choose_gpus(gpus, ours) == shown


@pytest.mark.parametrize("ours", ["7", "", "7,"])
def test_one_that_we_do_not_see_is_refused(ours: str) -> None:
    with pytest.raises(EngineMisconfigured, match=r"gpus names GPU 2, but CUDA_VISIBLE_DEVICES shows this process"):
        choose_gpus([0, 2], ours)
