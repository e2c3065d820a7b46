"""Who answered: what must be equal for two runs to be expected to give the same answers."""

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

USED_BY_FEW = frozenset({"quantization", "adapters"})


@dataclass(frozen=True, kw_only=True)
class EngineIdentity:
    """The engine behind an outcome, as far as it decides the answers."""

    kind: str  # vllm, transformers, openai or echo
    package: str  # the distribution that runs the model, or the server's address
    version: str
    torch_version: str  # "" for a remote server
    device: str  # cpu, cuda, remote or none
    processor: str  # the CPU or GPU model, as the machine calls it
    dtype: str
    model: str  # as the strategy file names it
    content_hash: str  # of the weights' folder; "" for a remote server
    chosen_because: str  # why this kind serves, in words for the report
    quantization: str = ""  # what the strategy file asks for; "" where the weights are used as they are
    adapters: str = ""  # names, each with a hash of its weights; "" where there is none, or none is here

    def to_json(self) -> dict[str, str]:
        """Give the identity as plain JSON; what is used by few is left out by the others, as from earlier records."""
        return {field: value for field, value in asdict(self).items() if value or field not in USED_BY_FEW}

    def differences(self, recorded: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Name the fields in which a recorded identity differs, as (recorded, mine); the answers may differ then."""
        return {
            field: (recorded.get(field, ""), value)
            for field, value in asdict(self).items()
            if field != "chosen_because" and recorded.get(field, "") != value
        }


def read_cpu_model() -> str:
    """Name this machine's CPU; kernels and rounding depend on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
