"""`apportion strategies list`: what a strategy file offers, with its prices on this machine."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from gateway.exit_codes import ExitCode
from gateway.report.amounts import UNKNOWN, say_cost
from worker.pool import PricedStrategy, load_pool
from worker.settings import read_settings


def list_strategies(console: Console, *, strategy_file: Path) -> ExitCode:
    """One row for each strategy; MissingWeights names a model that is not on this machine."""
    pool = load_pool(strategy_file, cache_directory=read_settings().cache_directory)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in ("strategy", "engine", "method"):
        table.add_column(heading, no_wrap=True)
    table.add_column("longest", justify="right")
    table.add_column("price", justify="right")
    table.add_column("needs")
    table.caption = "longest: most output tokens of a task; price: of 1,000 prompt and 100 output tokens"
    for priced in pool.strategies:
        table.add_row(*_describe(priced))
    console.print(table)
    return ExitCode.DONE


def _describe(priced: PricedStrategy) -> tuple[str, ...]:
    strategy = priced.strategy
    charges = [
        say_cost(priced.tariff.charge(unit, prompt_tokens=1000, output_tokens=100), unit)
        for unit in priced.tariff.prices
        if unit.value != "tokens"
    ]
    return (
        strategy.name,
        strategy.engine.name,
        strategy.decoding.name,
        f"{strategy.decoding.max_output_tokens():,}",
        ", ".join(charges) or UNKNOWN,
        ", ".join(sorted(strategy.decoding.needs)) or UNKNOWN,
    )
