"""Reasoning budget: the model thinks up to so many tokens, then it has to answer (Muennighoff et al. 2025, s1)."""

import re
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from router.decoding.chain_of_thought import ChainOfThought, read_chain_of_thought
from router.decoding.conversation import CHAT_KEYS
from router.decoding.protocol import Asking, FollowUp, Stage
from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields
from router.generation import Capability, GenerationRequest, Message

DEFAULT_ANSWER_TOKENS = 16


@dataclass(frozen=True, kw_only=True)
class ReasoningBudget:
    """Chain-of-thought whose answer is forced where the model runs out of tokens, or ends, before it has marked one.

    The source is arXiv 2501.19393, budget forcing: the end of thinking is appended to what the model wrote, and it
    goes on from there.
    """

    name: ClassVar[str] = "reasoning_budget"
    thinking: ChainOfThought
    answer_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        return (
            f"reasoning_budget: {self.thinking.frame.description}, the model thinks in at most "
            f"{self.thinking.max_tokens} tokens and then has to answer, in at most {self.answer_tokens}"
        )

    @property
    def needs(self) -> frozenset[Capability]:
        """An answer that has been begun is gone on with."""
        return frozenset({Capability.CONTINUATION})

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """The thinking, and the forced answer after all of it."""
        first = self.thinking.build(task)
        return (Stage(first), Stage(self._force(task, first, thought=""), carry_tokens=first.max_tokens))

    def ask(self, task: TaskPrompt) -> Asking:
        """The answer that the model marked by itself, or else the one that it was made to give."""
        first = self.thinking.build(task)
        completion = yield first
        [text], [finish_reason] = completion.texts, completion.finish_reasons
        thought, marked = self._split(text)
        if marked and (finish_reason == "stop" or "\n" in marked):
            return self.thinking.extract(task, [text])
        forced = yield FollowUp(thought, lambda kept: self._force(task, first, thought=kept))
        return self.thinking.extract(task, [f"{self.thinking.marker}{forced.texts[0]}"])

    def max_output_tokens(self) -> int:
        """All of the thinking and the longest answer."""
        return self.thinking.max_tokens + self.answer_tokens

    def _split(self, text: str) -> tuple[str, str]:
        """What stands before the last marker, and what after it; "" where there is none."""
        marks = list(re.finditer(re.escape(self.thinking.marker), text, flags=re.IGNORECASE))
        return (text[: marks[-1].start()], text[marks[-1].end() :].lstrip()) if marks else (text, "")

    def _force(self, task: TaskPrompt, first: GenerationRequest, *, thought: str) -> GenerationRequest:
        turn = Message(role="assistant", content=f"{thought.rstrip()}\n{self.thinking.marker}")
        return msgspec.structs.replace(first, messages=(*first.messages, turn), max_tokens=task.cap(self.answer_tokens))


def read_reasoning_budget(settings: Fields) -> ReasoningBudget:
    """A reasoning budget from a strategy file's settings."""
    settings.allow(*CHAT_KEYS, "marker", "thinking_tokens", "answer_tokens")
    thinking = {key: value for key, value in settings.values.items() if key not in ("thinking_tokens", "answer_tokens")}
    budget = settings.tokens("thinking_tokens")
    return ReasoningBudget(
        thinking=read_chain_of_thought(Fields({**thinking, "max_tokens": budget}, path=settings.path)),
        answer_tokens=settings.tokens("answer_tokens", DEFAULT_ANSWER_TOKENS),
    )
