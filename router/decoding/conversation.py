"""Lays a strategy's own texts around a task's messages."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields
from router.generation import Message

FRAME_KEYS = ("system", "instruction", "examples")


class Example(NamedTuple):
    """One question with the answer that the model should have given."""

    user: str
    assistant: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The constant texts around every task of a strategy; they come first, so that engines can reuse their prefix."""

    system: str | None = None  # "" sends an empty one, which keeps some chat templates from adding their own
    instruction: str | None = None  # added below each question
    examples: tuple[Example, ...] = ()

    @property
    def description(self) -> str:
        """What comes before the question, for a method's description."""
        return f"after examples ({len(self.examples)})" if self.examples else "without examples"

    def lay_out(self, task: TaskPrompt) -> tuple[Message, ...]:
        """System texts, then the examples as turns, then the caller's conversation, its last question instructed."""
        own_system, turns = split_system(task.messages)
        systems = [text for text in (self.system, *own_system) if text is not None]
        head = [Message(role="system", content="\n\n".join(filter(None, systems)))] if systems else []
        shots = [turn for example in self.examples for turn in self._lay_out_example(example)]
        question = replace(turns[-1], content=self._instruct(turns[-1].content))
        return (*head, *shots, *turns[:-1], question)

    def _lay_out_example(self, example: Example) -> tuple[Message, Message]:
        question = Message(role="user", content=self._instruct(example.user))
        return question, Message(role="assistant", content=example.assistant)

    def _instruct(self, question: str) -> str:
        return question if self.instruction is None else f"{question}\n{self.instruction}"


def split_system(messages: tuple[Message, ...]) -> tuple[list[str], list[Message]]:
    """The system texts and the other turns: most chat templates allow one system message, and only at the start."""
    systems = [message.content for message in messages if message.role == "system"]
    return systems, [message for message in messages if message.role != "system"]


def read_frame(settings: Fields, *, instruction: str | None = None) -> Frame:
    """The frame in a method's settings; `instruction` is the method's own default for it."""
    examples = read_examples(settings) if "examples" in settings else ()
    given = settings.text("instruction") if "instruction" in settings else instruction
    return Frame(system=settings.optional_text("system"), instruction=given, examples=examples)


def read_examples(settings: Fields) -> tuple[Example, ...]:
    """The user and assistant pairs under `examples`, of which there must be at least one."""
    pairs = [Fields(item, path=path).allow("user", "assistant") for path, item in settings.items("examples")]
    return tuple(Example(user=pair.text("user"), assistant=pair.text("assistant")) for pair in pairs)
