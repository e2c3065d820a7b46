"""Chain-of-thought: the model reasons first and marks its answer (Wei et al. 2022, arXiv 2201.11903)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import refuse_schema
from router.decoding.conversation import CHAT_KEYS, Frame, read_frame
from router.decoding.one_request import OneRequest
from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields
from router.generation import Capability, GenerationRequest

DEFAULT_MARKER = "Answer:"


@dataclass(frozen=True, kw_only=True)
class ChainOfThought(OneRequest):
    """Asks once for reasoning; the answer is what follows the last marker, or else the last line."""

    name: ClassVar[str] = "chain_of_thought"
    frame: Frame
    marker: str
    max_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        way = f"{self.frame.description}, the model reasons step by step before it answers"
        return f"chain_of_thought: {way}, in at most {self.max_tokens} tokens"

    @property
    def needs(self) -> frozenset[Capability]:
        """Nothing beyond text."""
        return frozenset()

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """One greedy sample; reasoning can not be held to the caller's JSON schema."""
        refuse_schema(task)
        return GenerationRequest(messages=self.frame.lay_out(task), max_tokens=task.cap(self.max_tokens))

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The rest of the line after the last marker; the last line where the model forgot the marker."""
        after = re.split(re.escape(self.marker), texts[0], flags=re.IGNORECASE)[1:]
        lines = [line for line in (after[-1] if after else texts[0]).splitlines() if line.strip(" \t*_#`")]
        if not lines:
            return ""
        return (lines[0] if after else lines[-1]).strip(" \t*_`")

    def max_output_tokens(self) -> int:
        """One sample of max_tokens."""
        return self.max_tokens


def read_chain_of_thought(settings: Fields) -> ChainOfThought:
    """Chain-of-thought from a strategy file's settings."""
    settings.allow(*CHAT_KEYS, "marker", "max_tokens")
    marker = settings.text("marker", DEFAULT_MARKER)
    instruction = f"Think step by step. Then write the final answer alone on the last line, after '{marker}'."
    return ChainOfThought(
        frame=read_frame(settings, instruction=instruction), marker=marker, max_tokens=settings.tokens("max_tokens")
    )
