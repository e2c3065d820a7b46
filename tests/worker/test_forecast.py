"""The forecast: who can serve what, and reservations that cover every charge in every unit."""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.fold import fold_pair
from router.generation import Message
from router.predictor import PredictorConfig
from router.stack import PredictorStack
from router.strategy_file import parse_strategies
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.training import train_pair
from router.units import Unit
from worker.engines.errors import PromptRefused
from worker.engines.prompt_bound import PromptBound
from worker.forecast import NOT_COUNTED, Demand, PromptShares, measure_demand, predict, price_worst
from worker.pool import PricedStrategy, ServedModel, load_pool
from worker.task_line import TaskLine, parse_task_line

# Prices as files have them, and worse: long decimals, and prices at which a float's grid is wider than a quantum.
PRICES = st.fractions(min_value=0, max_value=10**13, max_denominator=10**9)
TOKENS = st.integers(min_value=0, max_value=200_000)


def make_strategy(price: TokenPrice, *, unit: Unit = Unit.TOKENS) -> PricedStrategy:
    document = {
        "engines": {"e": {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1", "description": "d"}},
        "strategies": [{"name": "direct", "engine": "e", "decoding": {"method": "direct", "max_tokens": 20}}],
    }
    strategy = parse_strategies(document, source="test").strategies[0]
    model = ServedModel(spec=strategy.engine, folder=None, counter=PromptBound(), context_tokens=200)
    tariff = Tariff(version=1, prices={unit: price}, source="test")
    return PricedStrategy(strategy=strategy, tariff=tariff, model=model)


def make_line(content: str, **body: object) -> TaskLine:
    filled = {"model": "auto", "messages": [{"role": "user", "content": content}], **body}
    return parse_task_line(json.dumps({"custom_id": "a", "body": filled}))


@st.composite
def token_prices(draw: st.DrawFn) -> TokenPrice:
    """Prices of which some have one of their own for cached prompt tokens."""
    prompt, cached = draw(PRICES), draw(st.none() | st.integers(0, 4))
    return TokenPrice(
        prompt=prompt, output=draw(PRICES), cached_prompt=None if cached is None else prompt * Fraction(cached, 4)
    )


@given(
    unit=st.sampled_from(Unit),
    price=token_prices(),
    limits=st.lists(st.tuples(TOKENS, TOKENS), min_size=1, max_size=4),
    used=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    cached=TOKENS,
)
def test_a_reservation_covers_every_charge_within_the_limits(
    unit: Unit, price: TokenPrice, limits: Sequence[tuple[int, int]], used: tuple[float, float], cached: int
) -> None:
    strategy = make_strategy(price, unit=unit)
    prompt, output = (np.array(column)[:, None] for column in zip(*limits, strict=True))
    demand = Demand(
        prompt_tokens=prompt.astype(np.int32), later_prompt_tokens=np.zeros_like(output), max_output_tokens=output
    )
    reserved = [int(amount) for amount in price_worst(demand, strategies=[strategy], unit=unit)[:, 0]]
    for amount, (prompt_limit, output_limit) in zip(reserved, limits, strict=True):
        most = strategy.tariff.charge(unit, prompt_tokens=prompt_limit, output_tokens=output_limit)
        some = strategy.tariff.charge(
            unit,
            prompt_tokens=int(prompt_limit * used[0]),
            output_tokens=int(output_limit * used[1]),
            cached_prompt_tokens=cached,
        )
        assert some <= most <= amount
        assert amount == most or (most > 2**53 and amount - most <= 2 * np.spacing(float(most)))


def test_a_price_of_many_decimals_is_not_rounded_down() -> None:
    # 0.1 and a third of a billionth: as floats, ten of them make one exactly; the charge is two.
    price = TokenPrice(prompt=Fraction(1, 10) + Fraction(1, 3 * 10**17), output=Fraction(0))
    demand = Demand(
        prompt_tokens=np.array([[10]], dtype=np.int32),
        later_prompt_tokens=np.array([[0]]),
        max_output_tokens=np.array([[0]]),
    )
    assert price_worst(demand, strategies=[make_strategy(price)], unit=Unit.TOKENS).tolist() == [[2.0]]


def test_flops_of_a_large_model_on_a_long_prompt_are_rounded_up() -> None:
    price = TokenPrice(prompt=Fraction(140_000_000_001), output=Fraction(0))
    demand = Demand(
        prompt_tokens=np.array([[100_001]], dtype=np.int32),
        later_prompt_tokens=np.array([[0]]),
        max_output_tokens=np.array([[0]]),
    )
    (amount,) = price_worst(demand, strategies=[make_strategy(price, unit=Unit.FLOPS)], unit=Unit.FLOPS)[0].tolist()
    assert int(amount) >= 140_000_000_001 * 100_001 > 2**53


def test_a_task_too_long_for_the_context_is_not_eligible() -> None:
    strategy = make_strategy(TOKEN_COUNT)  # 20 tokens of answer in a context of 200; 72 tokens of overhead
    demand = measure_demand([make_line("x" * 108), make_line("x" * 109)], [strategy])
    assert demand.prompt_tokens.tolist() == [[180], [NOT_COUNTED]]
    assert demand.eligible.tolist() == [[True], [False]]


def test_a_callers_own_cap_lowers_the_worst_case() -> None:
    strategy = make_strategy(TOKEN_COUNT)
    demand = measure_demand([make_line("x"), make_line("x", max_tokens=3)], [strategy])
    assert demand.max_output_tokens.tolist() == [[20], [3]]
    worst = price_worst(demand, strategies=[strategy], unit=Unit.TOKENS)
    assert worst.tolist() == [[93.0], [76.0]]


def test_a_task_pinned_to_another_strategy_is_not_eligible() -> None:
    demand = measure_demand(
        [make_line("x", model="direct"), make_line("x", model="other")], [make_strategy(TOKEN_COUNT)]
    )
    assert demand.eligible.tolist() == [[True], [False]]


def test_a_prompt_that_the_template_refuses_spoils_no_other() -> None:
    class Picky:
        """Refuses one prompt, as a chat template does that knows no system role."""

        def count(self, prompts: Sequence[tuple[Message, ...]]) -> list[int]:
            if any(messages[-1].content == "bad" for messages in prompts):
                raise PromptRefused("no")
            return [7] * len(prompts)

    strategy = make_strategy(TOKEN_COUNT)
    model = ServedModel(spec=strategy.model.spec, folder=None, counter=Picky(), context_tokens=200)  # type: ignore[arg-type]  # counts like one
    picky = PricedStrategy(strategy=strategy.strategy, tariff=strategy.tariff, model=model)
    demand = measure_demand([make_line("good"), make_line("bad"), make_line("fine")], [picky])
    assert demand.prompt_tokens[:, 0].tolist() == [7, NOT_COUNTED, 7]


def test_a_prompt_of_more_tokens_than_31_bits_count_is_not_eligible() -> None:
    class Vast:
        """As for what a method of somebody else's may carry into its second request."""

        def count(self, prompts: Sequence[tuple[Message, ...]]) -> list[int]:
            return [2**31 + 7] * len(prompts)

    strategy = make_strategy(TOKEN_COUNT)
    model = ServedModel(spec=strategy.model.spec, folder=None, counter=Vast(), context_tokens=200)  # type: ignore[arg-type]  # counts like one
    vast = PricedStrategy(strategy=strategy.strategy, tariff=strategy.tariff, model=model)
    assert measure_demand([make_line("x")], [vast]).prompt_tokens.tolist() == [[NOT_COUNTED]]


def test_no_task_and_no_eligible_pair_are_no_special_case() -> None:
    strategy = make_strategy(TOKEN_COUNT)
    assert measure_demand([], [strategy]).prompt_tokens.shape == (0, 1)
    demand = measure_demand([make_line("x", model="other")], [strategy])
    assert np.isnan(price_worst(demand, strategies=[strategy], unit=Unit.TOKENS)).all()


def make_stack(tokens: Mapping[str, float]) -> PredictorStack:
    """One constant predictor for each: too few outcomes to learn more than their mean."""
    vectors = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    half = np.arange(8) % 2
    pairs = [
        train_pair(
            vectors,
            half.astype(np.float32),
            np.full(8, mean, dtype=np.float32),
            model_vector=vectors[0],
            decoding_vector=vectors[1],
            config=PredictorConfig(),
            seed=0,
        )
        for mean in tokens.values()
    ]
    return PredictorStack([fold_pair(pair) for pair in pairs])


def test_a_prediction_is_never_dearer_than_the_worst_case_and_nothing_where_there_is_no_service() -> None:
    strategy = make_strategy(TOKEN_COUNT)
    lines = [make_line("x"), make_line("x", max_tokens=3), make_line("x", model="other")]
    demand = measure_demand(lines, [strategy])
    embeddings = np.zeros((3, 4), dtype=np.float32)
    stack = make_stack({"direct": 12.0})
    as_bound = [PromptShares(1.0, 1.0)]
    predictions = predict(
        demand,
        embeddings,
        strategies=[strategy],
        stack=stack,
        unit=Unit.TOKENS,
        cached_shares=[0.0],
        prompt_shares=as_bound,
    )
    assert predictions.cost[:2, 0].tolist() == [85.0, 76.0]  # 73 and 12, or as many as the caller allows
    assert predictions.worst_cost[:2, 0].tolist() == [93.0, 76.0]
    assert predictions.accuracy.dtype == np.float32
    for array in (predictions.accuracy, predictions.cost, predictions.worst_cost):
        assert np.isnan(array[2, 0])
        assert not np.isnan(array[:2]).any()


def test_a_cached_share_makes_a_prediction_cheaper_and_no_reservation() -> None:
    price = TokenPrice(prompt=Fraction(8), output=Fraction(1), cached_prompt=Fraction(2))
    strategy = make_strategy(price)
    demand = measure_demand([make_line("x")], [strategy])  # 73 and 20 tokens
    cold, warm = (
        predict(
            demand,
            np.zeros((1, 4), dtype=np.float32),
            strategies=[strategy],
            stack=make_stack({"direct": 12.0}),
            unit=Unit.TOKENS,
            cached_shares=[share],
            prompt_shares=[PromptShares(1.0, 1.0)],
        )
        for share in (0.0, 0.5)
    )
    assert (cold.cost[0, 0], warm.cost[0, 0]) == (73 * 8 + 12, 73 * 5 + 12)
    assert cold.worst_cost[0, 0] == warm.worst_cost[0, 0] == 73 * 8 + 20


def test_another_price_is_applied_to_the_tokens_that_the_same_predictor_foresees() -> None:
    before = TokenPrice(prompt=Fraction(1), output=Fraction(2))
    after = TokenPrice(prompt=Fraction(3), output=Fraction(6))
    demand = measure_demand([make_line("x")], [make_strategy(before)])  # 73 and 20 tokens
    old, new = (
        predict(
            demand,
            np.zeros((1, 4), dtype=np.float32),
            strategies=[make_strategy(price)],
            stack=make_stack({"direct": 12.0}),
            unit=Unit.TOKENS,
            cached_shares=[0.0],
            prompt_shares=[PromptShares(1.0, 1.0)],
        )
        for price in (before, after)
    )
    assert (old.cost[0, 0], new.cost[0, 0]) == (73 + 2 * 12, 3 * (73 + 2 * 12))
    assert old.accuracy == new.accuracy


def test_the_examples_are_priced_in_every_unit_that_they_declare(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text(
        "engines: {e: {kind: openai, model: m, base_url: 'http://127.0.0.1:9/v1', parameters: 7.6e9, description: d}}\n"
        "strategies:\n"
        "  - name: direct\n    engine: e\n    decoding: {method: direct, max_tokens: 20}\n"
        "    tariff: {USD: {prompt_per_mtok: 0.1, output_per_mtok: 0.3}}\n"
    )
    pool = load_pool(file, cache_directory=tmp_path)
    demand = measure_demand([make_line("x")], pool.strategies)  # 73 and 20 tokens
    worst = {
        unit: price_worst(demand, strategies=pool.strategies, unit=unit).item()
        for unit in (Unit.FLOPS, Unit.USD, Unit.TOKENS)
    }
    assert worst == {Unit.FLOPS: 93 * 2 * 7.6e9, Unit.USD: 73 * 100_000 + 20 * 300_000, Unit.TOKENS: 93.0}
