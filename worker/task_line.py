"""A stored task read back: its prompt, its grader, and who may serve it."""

import hashlib
import json
from typing import Any

import msgspec

from router.decoding.task_prompt import TaskPrompt, parse_task_prompt
from router.grading import Grader, parse_grader
from router.strategy import Strategy
from worker.plain_line import PlainLine, read_plain_line

AUTO = "auto"


class TaskLine(msgspec.Struct, frozen=True):
    """What the worker needs of one line of a job file; the line was validated before it was stored."""

    prompt: TaskPrompt
    model: str  # "auto", "auto:<tag>", or a strategy's name
    grader: Grader | None

    def allows(self, strategy: Strategy) -> bool:
        """Whether the line lets this strategy serve it."""
        if self.model in (AUTO, strategy.name):
            return True
        return self.model.startswith(f"{AUTO}:") and self.model.removeprefix(f"{AUTO}:") in strategy.tags

    @property
    def embedded_text(self) -> str:
        """What the encoder reads: all that the user says."""
        return "\n".join(message.content for message in self.prompt.messages if message.role == "user")


def read_line(payload: str) -> dict[str, Any]:
    """A line that was read before it was stored, in a third of the time; numbers past a double's are left to Python."""
    try:
        line: dict[str, Any] = msgspec.json.decode(payload)
    except msgspec.MsgspecError:
        line = json.loads(payload)
    return line


def has_grader(payload: str) -> bool:
    """Whether a stored line says how to tell that its answer is right, without a judge."""
    grader = read_line(payload).get("grader")
    return grader is not None and not parse_grader(grader).waits_for_judge


def parse_task_line(payload: str) -> TaskLine:
    """The task that a stored line states."""
    prompt, model, grader = read_plain_line(payload) or _read_whole_line(payload)
    return TaskLine(prompt, str(model or AUTO), None if grader is None else parse_grader(grader))


def _read_whole_line(payload: str) -> PlainLine:
    line = read_line(payload)
    return PlainLine(parse_task_prompt(line["body"]), line["body"].get("model"), line.get("grader"))


def identify_task(payload: str) -> str:
    """A digest that lines share which ask the same and grade alike, whatever they are called and whoever may serve."""
    line = read_line(payload)
    asked = {key: value for key, value in line["body"].items() if key != "model"}
    return hashlib.sha256(json.dumps([asked, line.get("grader")], sort_keys=True).encode()).hexdigest()
