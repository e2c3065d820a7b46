"""Warnings about engines that the predictors have not seen."""

from typing import Any

from db.predictors import StoredPredictor
from worker.engine_warnings import find_engine_changes
from worker.engines.identity import EngineIdentity


def identify(**given: str) -> EngineIdentity:
    own = {
        "kind": "vllm",
        "package": "vllm",
        "version": "1.0",
        "torch_version": "2.0",
        "device": "cpu",
        "processor": "Fast CPU",
        "dtype": "float32",
        "model": "m",
        "content_hash": "abc",
        "chosen_because": "it imports",
    }
    return EngineIdentity(**(own | given))


def learnt_from(*engines: EngineIdentity) -> StoredPredictor:
    meta: dict[str, Any] = {"engines": [engine.to_json() for engine in engines]}
    return StoredPredictor(id=1, strategy_id=1, spec_hash="h", version=1, encoder="e", artefact=b"", meta=meta)


def test_the_same_engine_is_no_news_whyever_it_was_chosen() -> None:
    now = {"e": identify(chosen_because="asked for")}
    assert find_engine_changes([learnt_from(identify())], now) == []


def test_another_engine_is_reported_with_both_and_the_remedy() -> None:
    now = {"e": identify(version="2.0", processor="Slow CPU")}
    (warning,) = find_engine_changes([learnt_from(identify())], now)
    assert "than e is now" in warning
    assert "version 1.0 then, 2.0 now" in warning
    assert "processor Fast CPU then, Slow CPU now" in warning
    assert "`apportion calibrate`" in warning


def test_other_weights_are_said_in_words() -> None:
    (warning,) = find_engine_changes([learnt_from(identify())], {"e": identify(content_hash="def")})
    assert "(other weights)" in warning


def test_other_adapters_and_another_quantisation_are_told() -> None:
    learnt = learnt_from(identify(adapters="sums abc"))
    (warning,) = find_engine_changes([learnt], {"e": identify(adapters="sums def", quantization="fp8")})
    assert "(quantization unknown then, fp8 now, other adapters)" in warning
    (warning,) = find_engine_changes([learnt_from(identify(quantization="fp8"))], {"e": identify()})
    assert "(quantization fp8 then, none now)" in warning


def test_an_engine_that_uses_neither_is_the_one_that_earlier_versions_recorded() -> None:
    recorded = {
        "kind": "vllm", "package": "vllm", "version": "1.0", "torch_version": "2.0", "device": "cpu",
        "processor": "Fast CPU", "dtype": "float32", "model": "m", "content_hash": "abc",
        "chosen_because": "it imports",
    }  # fmt: skip
    assert identify().to_json() == recorded
    assert EngineIdentity(**recorded) == identify()
    used = identify(adapters="sums abc").to_json()
    assert used == recorded | {"adapters": "sums abc"}
    assert identify().differences(used) == {"adapters": ("sums abc", "")}


def test_one_predictor_that_knows_the_engine_is_enough() -> None:
    old, now = identify(version="0.9"), identify()
    assert find_engine_changes([learnt_from(old), learnt_from(old, now)], {"e": now}) == []


def test_an_engine_nobody_knows_anything_about_is_not_compared() -> None:
    assert find_engine_changes([learnt_from(identify(model="other"))], {"e": identify()}) == []
    assert find_engine_changes([], {"e": identify()}) == []
