"""What a job is asked to reach, and how it stands among others, from the options of a command."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gateway.errors import UsageError
from router.allocation import Deferral
from router.units import parse_budget
from worker.exploration_terms import parse_exploration
from worker.objective import Request
from worker.precedence import Precedence

SECONDS_PER_UNIT = {"m": 60, "h": 3600, "d": 86_400}
_FROM_NOW = re.compile(r"\+(\d{1,5})([mhd])", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The options of a command that asks for a job."""

    request: Request
    precedence: Precedence


def read_wish(
    *,
    budget: str | None,
    weight: float | None,
    target_accuracy: float | None,
    shared_budget: str | None,
    exploration: str | None,
    second_chances: bool,
    deferral: str | None,
    priority: int,
    deadline: str | None,
) -> Wish:
    """Both; UsageError for none or two objectives, AmountError for a budget that can not be read."""
    request = _read_objective(
        budget=budget, weight=weight, target_accuracy=target_accuracy, shared_budget=shared_budget
    )
    return Wish(
        request=replace(
            request,
            exploration=_read_exploration(exploration, request),
            second_chances=second_chances,
            deferral=_read_deferral(deferral, request),
        ),
        precedence=_read_precedence(priority=priority, deadline=deadline),
    )


def _read_exploration(text: str | None, request: Request) -> float | None:
    if text is None:
        return None
    try:
        share = parse_exploration(text)
    except ValueError as error:
        raise UsageError(f"--exploration is {error}") from None
    if share and request.target_accuracy is not None:
        raise UsageError(
            "--exploration gives up accuracy to learn, and --target-accuracy leaves none to give up: give one of them"
        )
    return share


def _read_deferral(text: str | None, request: Request) -> Deferral | None:
    if text is None:
        return None
    if text not in list(Deferral):
        raise UsageError(f"--deferral is {text!r}: write {' or '.join(Deferral)}")
    if request.budget is None and request.shared_name is None:
        raise UsageError("--deferral says what to do where a budget does not reach every task: give a budget with it")
    return Deferral(text)


def _read_objective(
    *, budget: str | None, weight: float | None, target_accuracy: float | None, shared_budget: str | None
) -> Request:
    options = {
        "--budget": budget,
        "--weight": weight,
        "--target-accuracy": target_accuracy,
        "--shared-budget": shared_budget,
    }
    given = [name for name, value in options.items() if value is not None]
    if len(given) != 1:
        found = " and ".join(given) if given else "none of them"
        raise UsageError(f"give exactly one of {', '.join(options)}: got {found}")
    if budget is not None:
        return Request(stated=budget, budget=parse_budget(budget))
    if weight is not None:
        return Request(stated=f"weight {weight:g}", w=_share(weight, "--weight"))
    if shared_budget is not None:
        return Request(stated=f"shared budget {shared_budget}", shared_name=shared_budget)
    assert target_accuracy is not None
    return Request(
        stated=f"target accuracy {target_accuracy:g}", target_accuracy=_share(target_accuracy, "--target-accuracy")
    )


def _share(value: float, option: str) -> float:
    if not 0 <= value <= 1:
        raise UsageError(f"{option} is {value:g}: it is a number from 0 to 1")
    return value


def _read_precedence(*, priority: int, deadline: str | None) -> Precedence:
    """How the job stands among others; UsageError for a deadline that can not be read, or is over."""
    return Precedence(priority=priority, deadline=None if deadline is None else _read_deadline(deadline))


def _read_deadline(text: str) -> datetime:
    now = datetime.now(UTC)
    if match := _FROM_NOW.fullmatch(text):
        return now + timedelta(seconds=int(match[1]) * SECONDS_PER_UNIT[match[2]])
    try:
        deadline = datetime.fromisoformat(text).astimezone(UTC)  # one without a zone is of this machine's
    except (ValueError, OverflowError):
        forms = '"2026-12-24T06:00", "2026-12-24T06:00+01:00", or "+90m", "+8h", "+2d" from now'
        raise UsageError(f"--deadline is {text!r}: write {forms}") from None
    if deadline <= now:
        raise UsageError(
            f"--deadline {text} is over: it is {now:%Y-%m-%dT%H:%M} in UTC, the deadline was {deadline:%Y-%m-%dT%H:%M}"
        )
    return deadline
