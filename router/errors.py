"""What can go wrong in routing.

RouterError
├── AllocationError
│   ├── InvalidAllocationInput
│   ├── InfeasibleBudget
│   ├── InfeasibleConstraints
│   ├── InfeasibleTarget
│   └── SketchMismatch
├── AmountError
├── TariffError
├── PredictorError
│   ├── PredictorInputError
│   └── PredictorArtefactError
├── DecodingError
│   ├── NotEligible
│   ├── BadTaskBody
│   └── ExpressionError
├── FieldError
├── GraderError
└── StrategyFileError
"""

import math


class RouterError(Exception):
    """Everything router/ raises on purpose."""


class AllocationError(RouterError):
    """Strategies could not be allocated to tasks."""


class InvalidAllocationInput(AllocationError):
    """The arrays given to the allocator do not describe tasks and strategies."""


class InfeasibleBudget(AllocationError):
    """Even the cheapest strategy for every task costs more than the budget."""

    def __init__(self, *, budget: float, smallest_feasible: float) -> None:
        self.budget = budget
        self.smallest_feasible = smallest_feasible
        super().__init__(
            f"the budget is {budget!r} but the cheapest strategy for every task costs {smallest_feasible!r} in "
            "total: raise the budget to that, allow deferral, or add a cheaper strategy"
        )


class InfeasibleConstraints(AllocationError):
    """Constraints that no allocation meets, or that none was found to meet (`proven` says which)."""

    def __init__(self, message: str, *, constraints: tuple[str, ...], proven: bool) -> None:
        self.constraints = constraints
        self.proven = proven
        super().__init__(message)


class InfeasibleTarget(AllocationError):
    """Even the most accurate strategy for every task stays below the wanted accuracy."""

    def __init__(self, *, target: float, best_reachable: float) -> None:
        self.target = target
        self.best_reachable = best_reachable
        shown = math.floor(best_reachable * 10_000) / 10_000  # never more than can be reached
        super().__init__(
            f"the target accuracy is {target:g} but the most accurate strategy for every task reaches {shown:g}: "
            "lower the target to that or add a more accurate strategy"
        )


class SketchMismatch(AllocationError):
    """Sketches of arrivals that were not made alike do not add up."""


class AmountError(RouterError):
    """A text is not an amount with a unit, nor a percentage."""


class TariffError(RouterError):
    """A tariff can not price what was asked."""


class PredictorError(RouterError):
    """A predictor could not be trained, stored, loaded or used."""


class PredictorInputError(PredictorError):
    """Outcomes or embeddings that no predictor can be trained on or asked about."""


class PredictorArtefactError(PredictorError):
    """Bytes that are not a predictor, or one of another format, encoder or shape."""


class DecodingError(RouterError):
    """A decoding method can not serve a task."""


class NotEligible(DecodingError):
    """This decoding method can not serve this task; another one may."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class BadTaskBody(DecodingError):
    """The body of a task is not a request that can be routed."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class ExpressionError(DecodingError):
    """A text is not an arithmetic expression that can be evaluated."""


class FieldError(RouterError):
    """A setting in a document can not be used; who read the document adds its name to the path."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class GraderError(RouterError):
    """A grader's description is not one that router/grading knows."""


class StrategyFileError(RouterError):
    """A strategy file does not describe a pool of strategies."""
