"""A strategy that a command line names."""

from pathlib import Path

from gateway.errors import UsageError
from router.strategy import StrategyPool


def find_strategy(pool: StrategyPool, strategy_file: Path, name: str) -> int:
    """Its place in the file; UsageError for a name that the file does not have."""
    names = [strategy.name for strategy in pool.strategies]
    if name not in names:
        raise UsageError(f"{strategy_file} has no strategy {name}; it has {', '.join(names)}")
    return names.index(name)
