"""Outcomes added up beside what was predicted for them."""

from typing import NamedTuple, Self


class Tally(NamedTuple):
    """Sums over outcomes, each of a weight."""

    outcomes: float = 0.0
    predicted: float = 0.0
    observed: float = 0.0

    @property
    def excess(self) -> float:
        """By how much an outcome exceeds its prediction, in the mean; 0 of none."""
        return (self.observed - self.predicted) / self.outcomes if self.outcomes else 0.0

    def note(self, predicted: float, observed: float) -> Self:
        """With one more outcome."""
        return type(self)(self.outcomes + 1, self.predicted + predicted, self.observed + observed)

    def join(self, other: Self) -> Self:
        """Both together."""
        return type(self)(
            self.outcomes + other.outcomes, self.predicted + other.predicted, self.observed + other.observed
        )

    def scale(self, times: float) -> Self:
        """The same with every weight multiplied."""
        return type(self)(*(times * total for total in self))

    def mirror(self) -> Self:
        """The same shares told of the opposite: wrong answers for right ones."""
        return type(self)(self.outcomes, self.outcomes - self.predicted, self.outcomes - self.observed)
