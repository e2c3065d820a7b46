"""Lays a strategy's own texts around a task's messages."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import msgspec

from router.decoding.task_prompt import TaskPrompt
from router.errors import NotEligible
from router.fields import Fields
from router.generation import PLAIN_ROLE, Capability, Grammar, Message

CHAT_KEYS = ("system", "instruction", "examples")
FRAME_KEYS = (*CHAT_KEYS, "answer_label")  # of methods whose answers can follow a label in a plain text


class Example(NamedTuple):
    """One question with the answer that the model should have given."""

    user: str
    assistant: str


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The constant texts around every task of a strategy; they come first, so that engines can reuse their prefix."""

    system: str | None = None  # "" sends an empty one, which keeps some chat templates from adding their own
    instruction: str | None = None  # added below each question
    answer_label: str | None = None  # given: all of it becomes one plain text, in which each answer follows this label
    examples: tuple[Example, ...] = ()

    @property
    def description(self) -> str:
        """What comes before the question, for a method's description."""
        layout = "" if self.answer_label is None else ", as plain text to go on with"
        return f"after examples ({len(self.examples)}){layout}" if self.examples else f"without examples{layout}"

    @property
    def line_stop(self) -> tuple[str, ...]:
        """What ends an answer: in a plain text the line's end, else only the model's own end."""
        return () if self.answer_label is None else ("\n",)

    def lay_out(self, task: TaskPrompt) -> tuple[Message, ...]:
        """System texts, then the examples as turns, then the caller's conversation, its last question instructed."""
        if self._adds_nothing and not any(message.role == "system" for message in task.messages):
            return task.messages
        own_system, turns = split_system(task.messages)
        if self.answer_label is not None:
            return (Message(role=PLAIN_ROLE, content=self._write_plain(own_system, turns)),)
        systems = [text for text in (self.system, *own_system) if text is not None]
        head = [Message(role="system", content="\n\n".join(filter(None, systems)))] if systems else []
        question = msgspec.structs.replace(turns[-1], content=self._instruct(turns[-1].content))
        return (*head, *self._shots, *turns[:-1], question)

    def fit_grammar(self, grammar: Grammar | None) -> Grammar | None:
        """The grammar as it has to be where an answer follows its label on the same line; NotEligible for a schema."""
        if grammar is None or self.answer_label is None:
            return grammar
        if grammar.kind is Capability.CHOICE:
            return replace(grammar, choices=tuple(f" {choice}" for choice in grammar.choices))
        if grammar.kind is Capability.REGEX:
            # The line's end belongs to the pattern: without it the model could only go on, never stop.
            return replace(grammar, pattern=f" ?({grammar.pattern})\n")
        raise NotEligible("a plain text can not be held to a JSON schema")

    def _write_plain(self, systems: list[str], turns: list[Message]) -> str:
        """Blocks of a question and its labelled answer; the last answer is the model's to write."""
        if any(turn.role != "user" for turn in turns[:-1]):
            raise NotEligible("a plain text has no place for an earlier answer of the assistant")
        head = [text for text in (self.system, *systems) if text]
        question = "\n\n".join(turn.content.strip() for turn in turns)
        return "\n\n".join([*head, *self._blocks, f"{self._instruct(question)}\n{self.answer_label}"])

    @cached_property
    def _adds_nothing(self) -> bool:
        """Whether a conversation without system texts stays as it is."""
        return self == Frame()

    @cached_property
    def _shots(self) -> tuple[Message, ...]:
        """The examples as turns of a chat."""
        return tuple(turn for example in self.examples for turn in self._lay_out_example(example))

    @cached_property
    def _blocks(self) -> tuple[str, ...]:
        """The examples as blocks of a plain text, all in one."""
        blocks = [f"{self._instruct(shot.user)}\n{self.answer_label} {shot.assistant}" for shot in self.examples]
        return ("\n\n".join(blocks),) if blocks else ()

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
    label = settings.text("answer_label") if "answer_label" in settings else None
    return Frame(system=settings.optional_text("system"), instruction=given, answer_label=label, examples=examples)


def read_examples(settings: Fields) -> tuple[Example, ...]:
    """The user and assistant pairs under `examples`, of which there must be at least one."""
    pairs = [Fields(item, path=path).allow("user", "assistant") for path, item in settings.items("examples")]
    return tuple(Example(user=pair.text("user"), assistant=pair.text("assistant")) for pair in pairs)
