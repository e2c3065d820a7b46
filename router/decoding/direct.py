"""Direct: the question as it stands, at most with an instruction, and whatever the model answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import CONSTRAINT_KEYS, Constraint, read_constraint
from router.decoding.conversation import Frame, read_frame
from router.decoding.one_request import OneRequest
from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields
from router.generation import Capability, GenerationRequest


@dataclass(frozen=True, kw_only=True)
class Direct(OneRequest):
    """Asks once; the answer is the text, free or held to a form."""

    name: ClassVar[str] = "direct"
    frame: Frame
    constraint: Constraint
    max_tokens: int
    stop: tuple[str, ...] = ()  # texts that end a free answer, such as a line break after a short one

    @property
    def description(self) -> str:
        """How the model is asked."""
        way = f"{self.frame.description}, the model answers at once {self.constraint.description}"
        return f"{self.name}: {way}, in at most {self.max_tokens} tokens"

    @property
    def needs(self) -> frozenset[Capability]:
        """Whatever the form of the answer needs."""
        return self.constraint.needs

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """One greedy sample."""
        return GenerationRequest(
            messages=self.frame.lay_out(task),
            max_tokens=task.cap(self.max_tokens),
            grammar=self.frame.fit_grammar(self.constraint.grammar_for(task)),
            # JSON may hold any of these texts before it is whole.
            stop=(*self.frame.line_stop, *self.stop) if task.json_schema is None else (),
        )

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The text itself, where it has the form."""
        return self.constraint.fit(task, texts[0])

    def answers_as_written(self, task: TaskPrompt) -> bool:
        """Where nothing is demanded of its form."""
        return self.constraint.grammar_for(task) is None

    def max_output_tokens(self) -> int:
        """One sample of max_tokens."""
        return self.max_tokens


def read_direct(settings: Fields) -> Direct:
    """Direct from a strategy file's settings."""
    settings.allow("system", "instruction", "max_tokens", "stop", *CONSTRAINT_KEYS)
    return Direct(
        frame=read_frame(settings),
        constraint=read_constraint(settings),
        max_tokens=settings.tokens("max_tokens"),
        stop=settings.stops("stop"),
    )
