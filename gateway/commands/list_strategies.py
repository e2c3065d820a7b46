"""`apportion strategies list`: what a strategy file offers, with its prices on this machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.exit_codes import ExitCode
from gateway.json_option import tell
from gateway.report.amounts import UNKNOWN, CostScale, choose_scale, say_share
from router.flops import ReferenceTask, attention_share
from router.units import Unit
from worker.pool import PricedStrategy, load_pool
from worker.settings import read_settings

MOST_PRICES_BESIDE_NEEDS = 2  # on a terminal of 80 columns
LISTED = ReferenceTask(prompt_tokens=1000, output_tokens=100)


def list_strategies(console: Console, *, strategy_file: Path, as_json: bool) -> ExitCode:
    """One row for each strategy; MissingWeights names a model that is not on this machine."""
    pool = load_pool(strategy_file, cache_directory=read_settings().cache_directory)
    tell(console, _draw(pool.strategies), [_list_fields(priced) for priced in pool.strategies], as_json=as_json)
    return ExitCode.DONE


def _list_fields(priced: PricedStrategy) -> dict[str, Any]:
    """A strategy as JSON values; prices of the listed task, in whole quanta of each unit."""
    strategy = priced.strategy
    return {
        "strategy": strategy.name,
        "engine": strategy.engine.name,
        "method": strategy.decoding.name,
        "max_output_tokens": strategy.decoding.max_output_tokens(),
        "tags": sorted(strategy.tags),
        "needs": sorted(strategy.needs),
        "prices": {unit.value: price for unit in Unit if (price := _find_price(priced, unit)) is not None},
    }


def _draw(strategies: Sequence[PricedStrategy]) -> Table:
    scales = _choose_scales(strategies)
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("strategy", no_wrap=True)
    table.add_column("engine", no_wrap=True)
    table.add_column("method", overflow="fold")
    table.add_column("longest", justify="right", no_wrap=True)
    for scale in scales.values():
        table.add_column(scale.label, justify="right", no_wrap=True)
    if len(scales) <= MOST_PRICES_BESIDE_NEEDS:
        table.add_column("needs", overflow="fold")
    table.caption = "\n".join(_explain(strategies))
    for priced in strategies:
        table.add_row(*_describe(priced, scales)[: len(table.columns)])
    return table


def _choose_scales(strategies: Sequence[PricedStrategy]) -> dict[Unit, CostScale]:
    """A scale for each unit in which some strategy has a price; tokens, which all have, say nothing."""
    scales: dict[Unit, CostScale] = {}
    for unit in Unit:
        prices = [price for priced in strategies if (price := _find_price(priced, unit)) is not None]
        if prices and unit is not Unit.TOKENS:
            scales[unit] = choose_scale(unit, max(prices))
    return scales


def _find_price(priced: PricedStrategy, unit: Unit) -> int | None:
    if unit not in priced.tariff.prices:
        return None
    return priced.tariff.charge(unit, **LISTED._asdict())


def _explain(strategies: Sequence[PricedStrategy]) -> list[str]:
    lines = [
        "longest: most output tokens of a task",
        f"prices: of {LISTED.prompt_tokens:,} prompt and {LISTED.output_tokens} output tokens, cold cache",
    ]
    if left_out := list(dict.fromkeys(filter(None, map(_say_attention, strategies)))):
        lines.append(f"attention, not among the FLOPs charged: {', '.join(left_out)}")
    return lines


def _say_attention(priced: PricedStrategy) -> str:
    """What the charge leaves out of a model's FLOPs, where its layers are known and its tariff does not price them."""
    folder, declared = priced.model.folder, priced.strategy.tariff
    if folder is None or declared.flops.reference is not None or Unit.FLOPS in declared.prices:
        return ""
    return f"{say_share(attention_share(folder.shape, LISTED), 0)} more for {priced.strategy.engine.name}"


def _describe(priced: PricedStrategy, scales: dict[Unit, CostScale]) -> tuple[str, ...]:
    strategy = priced.strategy
    prices = ((scale, _find_price(priced, unit)) for unit, scale in scales.items())
    return (
        strategy.name,
        strategy.engine.name,
        strategy.decoding.name.replace("_", " "),
        f"{strategy.decoding.max_output_tokens():,}",
        *(UNKNOWN if price is None else scale.text(price) for scale, price in prices),
        ", ".join(sorted(strategy.needs)).replace("_", " ") or UNKNOWN,
    )
