"""Draws with the names of their strategies, and why a task went where it did."""

from collections.abc import Mapping
from typing import NamedTuple

from db.explorations import Draw
from gateway.report.amounts import say_share
from gateway.report.explain import explain_choice
from gateway.report.values import Option
from router.units import Unit


class DrawnDecision(NamedTuple):
    """With what chances a task got the strategy that was meant for it, whatever became of it later."""

    best: str  # what the optimiser chose
    intended: str
    chances: Mapping[str, float]  # of each strategy that could have been drawn

    @property
    def explores(self) -> bool:
        """Whether it was to try another strategy than its best."""
        return self.intended != self.best


def name_draw(draw: Draw, *, names: Mapping[int, str]) -> DrawnDecision:
    """A draw with its strategies' names."""
    chances = {names[strategy_id]: chance for strategy_id, chance in draw.propensity.items()}
    return DrawnDecision(names[draw.best], names[draw.intended], chances)


def explain_drawn(
    options: tuple[Option, ...],
    strategy: str,
    *,
    shadow_price: float | None,
    unit: Unit,
    drawn: DrawnDecision | None,
) -> str:
    """Why a task went to the strategy that it went to."""
    if drawn is not None and drawn.explores and strategy == drawn.intended:
        chance = say_share(drawn.chances[strategy])
        return f"{strategy} was tried to learn from it, drawn with a chance of {chance}; the best was {drawn.best}."
    return explain_choice(options, strategy, shadow_price=shadow_price, unit=unit)
