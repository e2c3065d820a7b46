"""`apportion strategies list`: what a strategy file offers, with its prices on this machine."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.exit_codes import ExitCode
from gateway.report.amounts import UNKNOWN, CostScale, choose_scale
from router.units import Unit
from worker.pool import PricedStrategy, load_pool
from worker.settings import read_settings


def list_strategies(console: Console, *, strategy_file: Path) -> ExitCode:
    """One row for each strategy; MissingWeights names a model that is not on this machine."""
    pool = load_pool(strategy_file, cache_directory=read_settings().cache_directory)
    scales = _choose_scales(pool.strategies)
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("strategy", no_wrap=True)
    table.add_column("engine", no_wrap=True)
    table.add_column("method", overflow="fold")
    table.add_column("longest", justify="right", no_wrap=True)
    for scale in scales.values():
        table.add_column(scale.label, justify="right", no_wrap=True)
    table.add_column("needs", overflow="fold")
    table.caption = "longest: most output tokens of a task\nprices: of 1,000 prompt and 100 output tokens"
    for priced in pool.strategies:
        table.add_row(*_describe(priced, scales))
    console.print(table)
    return ExitCode.DONE


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
    return priced.tariff.charge(unit, prompt_tokens=1000, output_tokens=100)


def _describe(priced: PricedStrategy, scales: dict[Unit, CostScale]) -> tuple[str, ...]:
    strategy = priced.strategy
    prices = ((scale, _find_price(priced, unit)) for unit, scale in scales.items())
    return (
        strategy.name,
        strategy.engine.name,
        strategy.decoding.name.replace("_", " "),
        f"{strategy.decoding.max_output_tokens():,}",
        *(UNKNOWN if price is None else scale.text(price) for scale, price in prices),
        ", ".join(sorted(strategy.decoding.needs)).replace("_", " ") or UNKNOWN,
    )
