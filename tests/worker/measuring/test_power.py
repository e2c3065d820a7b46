"""Power meters: counters that wrap, counters that nobody may read, ratings, and none at all."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from router.strategy import EngineKind, EngineSpec
from worker.engines.errors import EngineMisconfigured
from worker.engines.identity import EngineIdentity
from worker.measuring.power import NvmlMeter, RatedMeter, find_meter, open_rapl


def make_spec(rated_watts: float | None = None) -> EngineSpec:
    return EngineSpec(name="e", kind=EngineKind.ECHO, model="m", description="d", rated_watts=rated_watts)


def make_identity(device: str) -> EngineIdentity:
    return EngineIdentity(**{**dict.fromkeys(EngineIdentity.__dataclass_fields__, ""), "device": device})


def add_package(powercap: Path, *, number: int, name: str, energy: int, wraps_at: int = 1_000_000) -> Path:
    folder = powercap / f"intel-rapl:{number}"
    folder.mkdir(parents=True)
    for file, content in (("name", name), ("energy_uj", energy), ("max_energy_range_uj", wraps_at)):
        (folder / file).write_text(f"{content}\n")
    return folder / "energy_uj"


def test_rapl_adds_up_packages_and_survives_a_counter_that_wraps(tmp_path: Path) -> None:
    first = add_package(tmp_path, number=0, name="package-0", energy=900_000)
    second = add_package(tmp_path, number=1, name="package-1", energy=0)
    add_package(tmp_path, number=2, name="psys", energy=5)  # which holds the packages' energy once more
    meter = open_rapl(tmp_path)
    assert meter is not None
    assert meter.read_joules() == 0
    first.write_text("99999\n")  # through a million: 200,000 on
    second.write_text("300000\n")
    assert meter.read_joules() == pytest.approx(0.5)
    second.write_text("400000\n")
    assert meter.read_joules() == pytest.approx(0.6)


@pytest.mark.parametrize("spoil", [Path.unlink, lambda counter: counter.write_text("locked")])
def test_counters_that_can_not_be_read_are_none(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    assert open_rapl(tmp_path / "nowhere") is None
    spoil(add_package(tmp_path, number=0, name="package-0", energy=1))
    assert open_rapl(tmp_path) is None


class FakeNvml(ModuleType):
    """NVIDIA's library on a machine with GPUs that draw 100, 200, ... mJ between any two readings."""

    NVMLError = OSError

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.drawn = {"GPU-a": 0, "GPU-b": 0, "GPU-c": 0, "GPU-d": 0}

    def nvmlInit(self) -> None:  # noqa: N802  its name there
        """Nothing has to be loaded."""

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802  its name there
        assert uuid in self.drawn
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, device: str) -> int:  # noqa: N802  its name there
        self.drawn[device] += 100 * (1 + list(self.drawn).index(device))
        return self.drawn[device]


def test_nvml_adds_up_the_engines_gpus() -> None:
    meter = NvmlMeter(FakeNvml(), ["GPU-a", "GPU-b"])
    before = meter.read_joules()
    assert meter.read_joules() - before == pytest.approx(0.3)


@pytest.mark.parametrize(("options", "joules"), [({}, 0.3), ({"gpus": [3, 1], "tensor_parallel_size": 2}, 0.6)])
def test_an_engine_is_metered_on_the_gpus_that_its_options_name(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], joules: float
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", FakeNvml())
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: SimpleNamespace(uuid="abcd"[number]))
    spec = EngineSpec(name="e", kind=EngineKind.VLLM, model="m", description="d", options=options)
    meter = find_meter(spec, make_identity("cuda"), accelerators=2)
    before = meter.read_joules()
    assert meter.source == "measured by NVML"
    assert meter.read_joules() - before == pytest.approx(joules)


def test_a_rating_holds_for_as_long_as_it_takes() -> None:
    times = iter([10.0, 14.0])
    meter = RatedMeter(50.0, clock=lambda: next(times))
    assert -meter.read_joules() + meter.read_joules() == 200.0
    assert meter.source == "rated at 50 W"


@pytest.mark.parametrize(
    ("device", "why"), [("none", "it runs on no device of this machine"), ("cuda", "NVML has no energy counter")]
)
def test_an_engine_of_which_nothing_tells_what_it_draws_needs_a_rating(device: str, why: str) -> None:
    with pytest.raises(EngineMisconfigured, match=rf"what engine e draws \({why}.*engines\.e\.rated_watts"):
        find_meter(make_spec(), make_identity(device), accelerators=1)
    assert find_meter(make_spec(75.0), make_identity(device), accelerators=1).source == "rated at 75 W"
