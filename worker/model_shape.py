"""Reads a model folder's parameter counts without loading its weights."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from router.flops import ModelShape
from router.sparse_shape import read_attention_width, read_sparse_shape
from worker.engines.errors import EngineMisconfigured

INPUT_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
OUTPUT_HEADS = ("lm_head.weight", "embed_out.weight")


def read_config(folder: Path) -> Mapping[str, Any]:
    """The settings of the language model in a folder; those of its text part where it reads images too."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineMisconfigured(f"{path} can not be read ({error}): name a Hugging Face folder") from error
    text_config: Mapping[str, Any] = config.get("text_config", config)
    return text_config


def read_model_shape(folder: Path) -> ModelShape:
    """Count the weights that a token's forward pass uses.

    A mixture of experts is counted from its config, with the experts that serve a token; one of a family that is not
    known counts all of its experts, so its FLOPs are an upper bound. The head counts whether it is tied to the
    embedding or not: it is multiplied either way.
    """
    config = read_config(folder)
    try:
        return read_sparse_shape(config) or _count_dense(folder, config)
    except KeyError as error:
        raise EngineMisconfigured(
            f"{folder / 'config.json'} has no {error}, which the model's size depends on"
        ) from None


def _count_dense(folder: Path, config: Mapping[str, Any]) -> ModelShape:
    counts = _count_parameters(folder)
    embedding = _find(counts, INPUT_EMBEDDINGS)
    if embedding is None:
        raise EngineMisconfigured(f"{folder} has no input embedding under a known name ({', '.join(INPUT_EMBEDDINGS)})")
    own_head = _find(counts, OUTPUT_HEADS)
    tied = config.get("tie_word_embeddings", own_head is None)
    return ModelShape(
        matrix_parameters=sum(counts.values()) - embedding - (own_head or 0),
        head_parameters=embedding if tied or own_head is None else own_head,
        layers=config["num_hidden_layers"],
        attention_width=read_attention_width(config),
    )


def read_context_tokens(folder: Path) -> int:
    """How many tokens of prompt and answer together the model was made for."""
    return int(read_config(folder)["max_position_embeddings"])


def _find(counts: Mapping[str, int], endings: tuple[str, ...]) -> int | None:
    return next((count for name, count in counts.items() if name.endswith(endings)), None)


def _count_parameters(folder: Path) -> dict[str, int]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise EngineMisconfigured(f"{folder} holds no .safetensors file: save the model with save_pretrained")
    return {name: prod(tensor["shape"]) for path in files for name, tensor in _read_header(path).items()}


def _read_header(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors file: eight bytes of length, then that much JSON."""
    try:
        with path.open("rb") as file:
            header: dict[str, Any] = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise EngineMisconfigured(f"{path} is no whole safetensors file ({error}): fetch it again") from error
    header.pop("__metadata__", None)
    return header
