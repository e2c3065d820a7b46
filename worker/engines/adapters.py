"""Adapters of a model (LoRA): small changes to its weights, kept in folders of their own as PEFT writes them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.engines.errors import MissingWeights
from worker.weights import fingerprint_folder

CONFIG_FILE = "adapter_config.json"
DECISIVE_FILES = (CONFIG_FILE, "*.safetensors", "*.bin", "*.pt")
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM reserves memory for


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One adapter on this disk."""

    name: str
    number: int  # from 1: vLLM tells adapters apart by it
    folder: Path
    rank: int
    content_hash: str  # equal for equal weights


def describe_adapters(adapters: Sequence[Adapter]) -> str:
    """Which they are, for the engine's identity: equal where names and weights are."""
    return ", ".join(sorted(f"{adapter.name} {adapter.content_hash}" for adapter in adapters))


def find_adapters(folders: Mapping[str, str], *, engine: str) -> tuple[Adapter, ...]:
    """The adapters that an engine's options name; MissingWeights where a folder holds none."""
    return tuple(
        _find_adapter(name, folder, number=number, engine=engine)
        for number, (name, folder) in enumerate(folders.items(), start=1)
    )


def adapter_settings(adapters: Sequence[Adapter], *, device: str) -> dict[str, object]:
    """What vLLM has to know of them before it starts: all of them fit in one batch, beside the model's own answers."""
    if not adapters:
        return {}
    # The CPU build takes requests without an adapter for ones of the last place (0.32.0): that one is left empty.
    spare = 1 if device == "cpu" else 0
    most = max(adapter.rank for adapter in adapters)
    rank = next((rank for rank in RANKS if rank >= most), most)
    return {"enable_lora": True, "max_loras": len(adapters) + spare, "max_lora_rank": rank}


def _find_adapter(name: str, folder: str, *, number: int, engine: str) -> Adapter:
    path = Path(folder).expanduser().resolve()
    try:
        rank = json.loads((path / CONFIG_FILE).read_bytes())["r"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingWeights(
            f"adapter {name} of engine {engine} is not in {path}: give a folder with {CONFIG_FILE} and its weights, "
            f"as PEFT saves them ({error!r})"
        ) from error
    if type(rank) is not int or rank < 1:
        raise MissingWeights(f"adapter {name} of engine {engine} has the rank {rank!r} in {path / CONFIG_FILE}")
    content_hash = fingerprint_folder(path, patterns=DECISIVE_FILES)
    return Adapter(name=name, number=number, folder=path, rank=rank, content_hash=content_hash)
