"""What predictors read of a text, and the vectors that are kept on disk."""

import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from router.prompt_features import FEATURES, describe_prompts
from worker.embedding_cache import EmbeddingCache, digest_text
from worker.encoder import EncodeProgress, SentenceEncoder
from worker.task_encoder import KEPT_TOGETHER, TaskEncoder


class CountingEncoder(SentenceEncoder):
    """A stand-in whose vectors are the texts' lengths, and which remembers what it was asked."""

    dimension = 2

    def __init__(self) -> None:
        self.name, self.asked = "fake@1", list[str]()

    def encode(self, texts: list[str], *, progress: EncodeProgress | None = None) -> NDArray[np.float32]:  # type: ignore[override]  # lists are all it gets
        self.asked += texts
        if progress is not None:
            progress(len(texts), len(texts))
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32).reshape(-1, 2)


def test_a_vector_is_the_embedding_beside_the_features() -> None:
    encoder = TaskEncoder(CountingEncoder(), cache_directory=None)
    texts = ["What is 2 + 2?", "def f():"]
    vectors = encoder.encode(texts)
    assert vectors.shape == (2, encoder.dimension) == (2, 2 + FEATURES)
    assert vectors[:, :2].tolist() == [[14, 1], [8, 1]]
    assert np.array_equal(vectors[:, 2:], describe_prompts(texts))
    assert encoder.encode([]).shape == (0, 2 + FEATURES)
    assert encoder.name.startswith("fake@1+features")


def test_a_text_is_encoded_once_and_never_stored(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    first, second = CountingEncoder(), CountingEncoder()
    before = TaskEncoder(first, cache_directory=tmp_path).encode(["one", "three", "one"])
    after = TaskEncoder(second, cache_directory=tmp_path).encode(
        ["three", "four"], progress=lambda done, total: seen.append((done, total))
    )
    assert before[:, 0].tolist() == [3, 5, 3]
    assert after[:, 0].tolist() == [5, 4]
    assert (first.asked, second.asked, seen) == (["one", "three"], ["four"], [(1, 1)])
    (stored,) = (tmp_path / "embeddings").iterdir()
    assert b"three" not in stored.read_bytes()


def test_progress_runs_through_all_texts_that_are_new() -> None:
    seen: list[tuple[int, int]] = []
    texts = [f"text {number}" for number in range(KEPT_TOGETHER + 5)]
    TaskEncoder(CountingEncoder(), cache_directory=None).encode(
        texts, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(KEPT_TOGETHER, len(texts)), (len(texts), len(texts))]


def test_the_oldest_vectors_make_room(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "vectors.sqlite", dimension=1, most_vectors=3)
    digests = [digest_text(str(number)) for number in range(5)]
    for number, digest in enumerate(digests):
        cache.write({digest: np.array([number], dtype=np.float32)})
    assert {digests.index(digest): vector.tolist() for digest, vector in cache.read(digests).items()} == {
        2: [2],
        3: [3],
        4: [4],
    }


def test_vectors_of_another_length_are_not_used(tmp_path: Path) -> None:
    path, digest = tmp_path / "vectors.sqlite", digest_text("one")
    EmbeddingCache(path, dimension=2).write({digest: np.zeros(2, dtype=np.float32)})
    assert EmbeddingCache(path, dimension=3).read([digest]) == {}


def test_a_damaged_cache_costs_a_warning_and_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "embeddings"
    folder.mkdir()
    (folder / "fake@1.sqlite").write_bytes(b"this is no database" * 100)
    with caplog.at_level(logging.WARNING):
        vectors = TaskEncoder(CountingEncoder(), cache_directory=tmp_path).encode(["one", "three"])
    assert vectors[:, 0].tolist() == [3, 5]
    assert [record.getMessage() for record in caplog.records if "fake@1.sqlite" in record.getMessage()]
    assert len(caplog.records) == 1


def test_any_text_has_a_digest() -> None:
    assert digest_text("half a pair: \ud800") != digest_text("half a pair: ")
