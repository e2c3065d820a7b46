"""Options of the commands that submit a job."""

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from gateway.request import Wish

BudgetOption = Annotated[
    str | None,
    typer.Option(
        "--budget", help='"3.5e14 FLOPs", "0.02 USD", "90 GPU-seconds", "5000 joules", "40000 tokens" or "25%".'
    ),
]
WeightOption = Annotated[
    float | None, typer.Option("--weight", help="Between 0 (cheapest) and 1 (most accurate); no cap.")
]
TargetOption = Annotated[
    float | None, typer.Option("--target-accuracy", help="Mean accuracy to reach at the least cost.")
]
SharedOption = Annotated[
    str | None, typer.Option("--shared-budget", help="Name of a budget that jobs share: `budgets list`.")
]
Priority = Annotated[int, typer.Option(min=-100, max=100, help="Jobs with a higher one go first.")]
Deadline = Annotated[
    str | None, typer.Option(help='Among equals the earliest goes first: "2026-12-24T06:00", or "+8h" from now.')
]
ExplorationOption = Annotated[
    str | None,
    typer.Option(
        "--exploration",
        help='Share of the money that may go to trying other strategies than the best, to learn: "5%", or "off".',
    ),
]
SecondChancesOption = Annotated[
    bool,
    typer.Option(
        "--second-chances",
        help="Ask another strategy once more where an answer is invalid by itself (none could be read, its own schema "
        "or tests fail, a vote disagrees) and that is worth its cost.",
    ),
]
DeferralOption = Annotated[
    str | None,
    typer.Option(
        "--deferral",
        metavar="serve-most|most-valuable",
        help="Take a budget that does not reach every task: it then serves as many as it can, or leaves out those that "
        "are worth least for their cost.",
    ),
]
JudgeOption = Annotated[
    str | None, typer.Option("--judge", metavar="STRATEGY", help="Who reads the answers that wait for a judge.")
]
JudgeBudgetOption = Annotated[
    str, typer.Option("--judge-budget", help="What judging may cost beside the budget: an amount, or a part of it.")
]


def refuse_judge(judge: str | None) -> None:
    """UsageError for a judge whom nobody would call: only a server follows a job to its end."""
    from gateway.errors import UsageError

    if judge is not None:
        raise UsageError(
            "--judge is for `run` and for servers, which see a job to its end: once this one is answered, let "
            f"`apportion judge JOB --by {judge}` read it"
        )


class WishOptions(NamedTuple):
    """The options of a job's objective and precedence, as they were typed."""

    budget: str | None
    weight: float | None
    target_accuracy: float | None
    shared_budget: str | None
    exploration: str | None
    second_chances: bool
    deferral: str | None
    priority: int
    deadline: str | None

    def read(self) -> "Wish":
        """What they ask for; UsageError, or AmountError."""
        from gateway.request import read_wish

        return read_wish(**self._asdict())
