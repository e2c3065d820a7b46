"""Predictors as bytes: they come back the same, and nothing damaged or foreign is read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from router.artefact import (
    DIGEST_KEY,
    FORMAT_VERSION,
    METADATA_KEY,
    WITHOUT_HORIZON,
    dump_pair,
    load_pair,
    seal,
)
from router.errors import PredictorArtefactError
from router.fold import fold_pair
from router.horizon import unbounded_horizon
from router.stack import PredictorStack
from tests.router.trained_pairs import DIMENSION, ENCODER, draw_embeddings, metadata_of, trained_pair


@pytest.mark.parametrize("rows", [150, 12])
def test_an_artefact_gives_back_the_same_pair(rows: int) -> None:
    trained, embeddings = trained_pair(rows, 1), draw_embeddings(64, seed=8)
    pair = fold_pair(trained)
    artefact = dump_pair(pair, metadata_of(trained))
    loaded = load_pair(artefact, encoder=ENCODER)
    assert loaded.metadata == metadata_of(trained)
    before, after = PredictorStack([pair]).predict(embeddings), PredictorStack([loaded.pair]).predict(embeddings)
    assert np.array_equal(before.accuracy, after.accuracy)
    assert np.array_equal(before.output_tokens, after.output_tokens)
    assert dump_pair(loaded.pair, loaded.metadata) == artefact


@cache
def small_artefact() -> bytes:
    return dump_pair(fold_pair(trained_pair(12, 2)), metadata_of(trained_pair(12, 2)))


def rewrite(artefact: bytes, arrays: Mapping[str, NDArray[np.generic]] | None = None, **changes: object) -> bytes:
    """As a faulty writer would seal it: with other metadata, or other arrays."""
    length = int.from_bytes(artefact[:8], "little")
    ours = json.loads(json.loads(artefact[8 : 8 + length])["__metadata__"][METADATA_KEY])
    del ours[DIGEST_KEY]
    return seal({**safetensors.numpy.load(artefact), **(arrays or {})}, {**ours, **changes})


def test_artefacts_of_another_encoder_or_format_are_refused_by_name() -> None:
    artefact = small_artefact()
    with pytest.raises(PredictorArtefactError, match=f"strategy direct .* of {ENCODER}, the encoder in use is other@1"):
        load_pair(artefact, encoder="other@1")
    for version in (WITHOUT_HORIZON - 1, FORMAT_VERSION + 1):
        with pytest.raises(PredictorArtefactError, match=f"version {version}, this program reads .*train the strategy"):
            load_pair(rewrite(artefact, format_version=version), encoder=ENCODER)


def test_an_artefact_from_before_horizons_says_what_it_always_said() -> None:
    trained, far = trained_pair(150, 1), 3 * draw_embeddings(64, seed=8)
    pair = fold_pair(trained)
    arrays = safetensors.numpy.load(dump_pair(pair, metadata_of(trained)))
    kept = {name: array for name, array in arrays.items() if not name.startswith("horizon.")}
    header = {"format_version": WITHOUT_HORIZON, "dimension": pair.dimension, **asdict(metadata_of(trained))}
    read = load_pair(seal(kept, header), encoder=ENCODER).pair
    expected = replace(pair, horizon=unbounded_horizon(pair.dimension))
    before, after = PredictorStack([expected]).predict(far), PredictorStack([read]).predict(far)
    assert np.array_equal(before.accuracy, after.accuracy)
    assert not np.array_equal(PredictorStack([pair]).predict(far).accuracy, after.accuracy)


@pytest.mark.parametrize("kept", [0, 5, 200, -4])
def test_cut_artefacts_are_refused(kept: int) -> None:
    with pytest.raises(PredictorArtefactError, match="train the strategy again"):
        load_pair(small_artefact()[:kept], encoder=ENCODER)


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_no_flipped_bit_goes_unnoticed(place: int, bit: int) -> None:
    damaged = bytearray(small_artefact())
    damaged[place % len(damaged)] ^= 1 << bit
    try:
        loaded = load_pair(bytes(damaged), encoder=ENCODER)
    except PredictorArtefactError:
        return
    assert dump_pair(loaded.pair, loaded.metadata) == small_artefact()  # a space of the header's padding, at most


def test_a_flipped_bit_of_the_arrays_is_refused_by_name() -> None:
    damaged = bytearray(small_artefact())
    damaged[-3] ^= 1
    with pytest.raises(PredictorArtefactError, match=r"strategy direct is damaged \(not all of its bytes"):
        load_pair(bytes(damaged), encoder=ENCODER)


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("linear.weight", np.full((2, DIMENSION), np.nan, dtype=np.float32), "linear.weight has numbers that are not"),
        ("scalars", np.array([np.inf, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]), "scalars has numbers that are not finite"),
        ("clusters.accuracy", np.zeros((2, 5), dtype=np.float32), "arrays that do not fit each other"),
        ("linear.bias", np.zeros(3, dtype=np.float32), "arrays that do not fit each other"),
        ("horizon.weight", np.zeros(3, dtype=np.float32), "arrays that do not fit each other"),
        ("horizon.scalars", np.array([0.5, 0.0]), "arrays that do not fit each other"),
        ("scalars", np.zeros(2), "damaged"),
    ],
)
def test_arrays_that_nothing_can_be_predicted_with_are_refused_by_name(
    name: str, array: NDArray[np.generic], problem: str
) -> None:
    with pytest.raises(PredictorArtefactError, match=f"strategy direct .*{problem}.*train the strategy again"):
        load_pair(rewrite(small_artefact(), {name: array}), encoder=ENCODER)


def test_a_pair_that_was_not_learnt_makes_no_artefact() -> None:
    pair = fold_pair(trained_pair(12, 2))
    lost = replace(pair, linear=replace(pair.linear, smearing=float("nan")))
    with pytest.raises(PredictorArtefactError, match=r"strategy direct was not learnt: linear.scalars has numbers"):
        dump_pair(lost, metadata_of(trained_pair(12, 2)))


def test_artefacts_that_lack_something_are_refused() -> None:
    artefact = small_artefact()
    plain = safetensors.numpy.save({"weights": np.zeros(3, dtype=np.float32)})
    listed = safetensors.numpy.save({"weights": np.zeros(3, dtype=np.float32)}, metadata={METADATA_KEY: "[]"})
    for broken in (plain, listed, *(rewrite(artefact, figures=figures) for figures in (dict[str, object](), None))):
        with pytest.raises(PredictorArtefactError, match="train the strategy again"):
            load_pair(broken, encoder=ENCODER)
    with pytest.raises(PredictorArtefactError, match="do not fit"):
        load_pair(rewrite(artefact, dimension=7), encoder=ENCODER)
