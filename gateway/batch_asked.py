"""What is ours in a batch's request: kept with the batch, and read when it is planned."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from router.allocation import Deferral
from router.units import parse_budget
from worker.objective import Request

# A client that says nothing of costs gets the most accurate answers, whatever they cost: under a cap that nobody asked
# for, requests might stay unanswered.
DEFAULT_WEIGHT = 1.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """At most one of the first four; none of them is the default weight."""

    budget: str | None = None  # "25%", "0.02 USD"
    shared_budget: str | None = None  # its name
    weight: float | None = None
    target_accuracy: float | None = None
    deferral: str | None = None  # which requests go without where the budget does not reach all; None: it is refused
    priority: int = 0
    exploration: float | None = None  # the share of the money that is explored with, 0 for off; None: the server's
    second_chances: bool = False  # whether requests with invalid answers may be asked once more
    judge: str | None = None  # the strategy that reads what no program can grade
    judge_budget: str | None = None  # its own: "10%" of the batch's, "0.02 USD"
    strategies: tuple[str, ...] | None = None  # None: every one of the pool

    @property
    def states_objective(self) -> bool:
        """Whether the client said what it wants, and what it may cost."""
        stated = (self.budget, self.shared_budget, self.weight, self.target_accuracy)
        return any(value is not None for value in stated)

    @property
    def caps_spending(self) -> bool:
        """Whether there is a budget of which another can be a part."""
        return self.budget is not None or self.shared_budget is not None

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Asked":
        """What `to_json` wrote."""
        kept = dict(value)
        if kept.pop("defers", False):  # as earlier releases wrote it
            kept["deferral"] = Deferral.SERVE_MOST.value
        strategies = kept["strategies"]
        return cls(**{**kept, "strategies": None if strategies is None else tuple(strategies)})

    def request(self) -> Request:
        """What is asked for as the planner takes it."""
        return replace(self._objective(), exploration=self.exploration, second_chances=self.second_chances)

    @property
    def _deferral(self) -> Deferral | None:
        return None if self.deferral is None else Deferral(self.deferral)

    def _objective(self) -> Request:
        if self.target_accuracy is not None:
            stated = f"target accuracy {self.target_accuracy:g}"
            return Request(stated=stated, target_accuracy=self.target_accuracy)
        if self.shared_budget is not None:
            stated = f"shared budget {self.shared_budget}"
            return Request(stated=stated, shared_name=self.shared_budget, deferral=self._deferral)
        if self.budget is not None:
            return Request(stated=self.budget, budget=parse_budget(self.budget), deferral=self._deferral)
        weight = DEFAULT_WEIGHT if self.weight is None else self.weight
        return Request(stated=f"weight {weight:g}", w=weight)
