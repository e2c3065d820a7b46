"""What POST /v1/batches takes: OpenAI's fields, and ours beside them."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from db.text import is_storable
from gateway.batch_asked import Asked
from worker.exploration_terms import MOST_SHARE

Endpoint = Literal["/v1/chat/completions", "/v1/completions"]


def _require_storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("holds a character that can not be stored; remove it")
    return text


Text = Annotated[str, AfterValidator(_require_storable)]
Name = Annotated[Text, Field(min_length=1, max_length=200)]
MetadataKey = Annotated[Text, Field(max_length=64)]
MetadataValue = Annotated[Text, Field(max_length=512)]
SECONDS_PER_UNIT = {"m": 60, "h": 3_600, "d": 86_400}
LONGEST_WINDOW_SECONDS = 366 * 86_400
_WINDOW = re.compile(r"([1-9][0-9]{0,5})([mhd])", re.ASCII)


class _Strict(BaseModel):
    """A misspelt field is refused: one that was not read might have been a budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BudgetAmount(_Strict):
    """So much of a unit."""

    amount: Annotated[float | Text, Field(description="A number, or its digits: as text it stays exact.")]
    unit: Text

    def stated(self) -> str:
        """As one text."""
        return f"{self.amount} {self.unit}"


class BudgetShare(_Strict):
    """The cheapest total and so much of the way to the dearest strategy's."""

    percent: Annotated[float, Field(ge=0, le=1e6)]

    def stated(self) -> str:
        """As one text."""
        return f"{self.percent:.12g}%"


class BudgetByName(_Strict):
    """A budget that jobs share."""

    name: Name


class JudgeAsked(_Strict):
    """A strategy that reads the answers which no program can grade, and what that may cost beside the budget."""

    strategy: Name
    budget: Annotated[
        Text | BudgetAmount | BudgetShare,
        Field(description="An amount with its unit, or a part of the batch's own budget."),
    ] = "10%"

    def stated_budget(self) -> str:
        """As one text."""
        return self.budget if isinstance(self.budget, str) else self.budget.stated()


class Weight(_Strict):
    """Between accuracy (1) and cost (0), without a cap."""

    weight: Annotated[float, Field(ge=0, le=1)]


class TargetAccuracy(_Strict):
    """A mean accuracy, as predicted, at the least cost."""

    target_accuracy: Annotated[float, Field(ge=0, le=1)]


class OutputExpiry(_Strict):
    """When the files that the batch writes may go."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3_600, le=2_592_000)]


class BatchRequest(_Strict):
    """A batch to make of an uploaded file."""

    input_file_id: Name
    endpoint: Endpoint
    completion_window: Annotated[
        str,
        Field(pattern=r"^[1-9][0-9]{0,5}[mhd]$", description='"24h", "90m" or "3d": what is not begun then expires'),
    ]
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)] | None = None
    output_expires_after: OutputExpiry | None = None
    budget: Annotated[
        Text | BudgetAmount | BudgetShare | BudgetByName | None,
        Field(
            description='The most that may be spent: an amount with its unit, a percentage ("25%"), or the name of a '
            "shared budget as an object."
        ),
    ] = None
    objective: Annotated[
        Weight | TargetAccuracy | None, Field(description="In place of a budget: a weight, or an accuracy to reach.")
    ] = None
    deadline: Annotated[AwareDatetime | None, Field(description="In place of a longer completion window.")] = None
    priority: Annotated[int, Field(ge=-100, le=100, description="Batches with a higher one go first.")] = 0
    exploration: Annotated[
        float | None,
        Field(
            ge=0,
            le=MOST_SHARE,
            description="The share of the money that may go to trying other strategies than the best, to learn; "
            "0 is off. Without it the server's own, where requests have graders.",
        ),
    ] = None
    second_chances: Annotated[
        bool,
        Field(
            description="Ask another strategy once more where an answer is invalid by itself: none could be read, its "
            "own schema or tests fail, a vote disagrees."
        ),
    ] = False
    judge: Annotated[
        JudgeAsked | None,
        Field(description="Who reads the answers whose grader is a judge; its verdicts are labels."),
    ] = None
    strategies: Annotated[
        list[Name] | None, Field(min_length=1, max_length=1_000, description="Only these may answer.")
    ] = None
    deferral: Annotated[
        Literal["none", "serve-most", "most-valuable"],
        Field(
            description="Whether a budget that does not reach every request is refused, serves as many as it can, or "
            "leaves out those that are worth least for their cost, so that the others reach the most."
        ),
    ] = "none"

    @model_validator(mode="after")
    def _require_one_objective(self) -> "BatchRequest":
        if self.budget is not None and self.objective is not None:
            raise ValueError("give a budget or an objective, not both")
        if self.exploration and isinstance(self.objective, TargetAccuracy):
            raise ValueError("a target accuracy leaves no accuracy to explore with")
        return self

    def window_seconds(self, *, now: datetime) -> int:
        """How long the batch lasts at most; not positive for a deadline that is over."""
        match = _WINDOW.fullmatch(self.completion_window)
        assert match is not None, "checked by the field's pattern"
        seconds = min(int(match[1]) * SECONDS_PER_UNIT[match[2]], LONGEST_WINDOW_SECONDS)
        return seconds if self.deadline is None else min(seconds, int((self.deadline - now).total_seconds()))

    def asked(self) -> Asked:
        """What is kept with the batch."""
        objective = self.objective
        return Asked(
            budget=self._state_budget(),
            shared_budget=self.budget.name if isinstance(self.budget, BudgetByName) else None,
            weight=objective.weight if isinstance(objective, Weight) else None,
            target_accuracy=objective.target_accuracy if isinstance(objective, TargetAccuracy) else None,
            deferral=None if self.deferral == "none" else self.deferral,
            priority=self.priority,
            exploration=self.exploration,
            second_chances=self.second_chances,
            judge=None if self.judge is None else self.judge.strategy,
            judge_budget=None if self.judge is None else self.judge.stated_budget(),
            strategies=None if self.strategies is None else tuple(self.strategies),
        )

    def _state_budget(self) -> str | None:
        if isinstance(self.budget, BudgetAmount | BudgetShare):
            return self.budget.stated()
        return self.budget if isinstance(self.budget, str) else None
