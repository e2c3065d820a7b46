"""What an engine's devices draw: read off the GPU or the processor, or as the strategy file rates them."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from router.strategy import EngineSpec
from worker.engines.errors import EngineMisconfigured
from worker.engines.identity import EngineIdentity
from worker.engines.options import read_local_options

POWERCAP = Path("/sys/class/powercap")


class PowerMeter(Protocol):
    """Counts energy from whenever; the difference of two readings is what was drawn between them."""

    source: str  # who says so, in words for the tariff

    def read_joules(self) -> float:
        """The energy drawn so far."""


class RatedMeter:
    """As much as the strategy file says, for as long as it takes."""

    def __init__(self, watts: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.source = f"rated at {watts:g} W"
        self._watts = watts
        self._clock = clock

    def read_joules(self) -> float:
        """The rated power times the seconds that have passed."""
        return self._watts * self._clock()


class RaplMeter:
    """The energy counters of this machine's processors, whatever runs on them; they wrap around."""

    def __init__(self, packages: Sequence[Path]) -> None:
        self.source = "measured by RAPL for the whole processor"
        self._counters = [(package / "energy_uj", _read_count(package / "max_energy_range_uj")) for package in packages]
        self._last = [_read_count(counter) for counter, _ in self._counters]
        self._drawn_microjoules = 0

    def read_joules(self) -> float:
        """What all packages drew since the meter was made."""
        for number, (counter, wraps_at) in enumerate(self._counters):
            count = _read_count(counter)
            self._drawn_microjoules += (count - self._last[number]) % (wraps_at + 1)
            self._last[number] = count
        return self._drawn_microjoules / 1e6


class NvmlMeter:
    """The energy counters of these GPUs, through NVIDIA's management library."""

    def __init__(self, nvml: Any, uuids: Sequence[str]) -> None:
        self.source = "measured by NVML"
        self._nvml = nvml
        self._devices = [nvml.nvmlDeviceGetHandleByUUID(uuid) for uuid in uuids]

    def read_joules(self) -> float:
        """What the GPUs drew since their driver was loaded."""
        millijoules = [int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(device)) for device in self._devices]
        return sum(millijoules) / 1e3


def find_meter(spec: EngineSpec, identity: EngineIdentity, *, accelerators: int) -> PowerMeter:
    """The best there is for a started engine; EngineMisconfigured when nothing tells what it draws."""
    meter: PowerMeter | None = None
    if identity.device == "cuda":
        meter = _open_nvml(read_local_options(spec).gpus or range(accelerators))
    elif identity.device == "cpu":
        meter = open_rapl(POWERCAP)
    if meter is None and spec.rated_watts is not None:
        meter = RatedMeter(spec.rated_watts)
    if meter is None:
        raise EngineMisconfigured(
            f"nothing tells what engine {spec.name} draws ({_explain_lack(identity.device)}): declare what its devices "
            f"draw at work, together, as engines.{spec.name}.rated_watts"
        )
    return meter


def open_rapl(powercap: Path) -> RaplMeter | None:
    """A meter of all processor packages; None where there is none that this user may read."""
    packages = [
        folder
        for folder in sorted(powercap.glob("intel-rapl:*"))  # AMD's processors, too
        if folder.name.count(":") == 1 and _read_name(folder).startswith("package")
    ]
    try:
        return RaplMeter(packages) if packages else None
    except (OSError, ValueError):
        return None


def _open_nvml(gpus: Sequence[int]) -> NvmlMeter | None:
    """A meter of these GPUs, counted among those that this process may see, as an engine's options count them."""
    try:
        import pynvml
        import torch
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        seen = [f"GPU-{torch.cuda.get_device_properties(number).uuid}" for number in gpus]
        meter = NvmlMeter(pynvml, seen)
        meter.read_joules()  # GPUs before Volta do not count
    except pynvml.NVMLError:
        return None
    return meter


def _explain_lack(device: str) -> str:
    return {
        "cuda": "NVML has no energy counter for its GPU",
        "cpu": f"{POWERCAP} has no RAPL counter that this user may read",
    }.get(device, "it runs on no device of this machine")


def _read_name(folder: Path) -> str:
    try:
        return (folder / "name").read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _read_count(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))
