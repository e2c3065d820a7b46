"""Plan-then-code: the model states what a program has to do and how, and writes it after its own plan."""

import re
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from router.decoding.constraint import refuse_schema
from router.decoding.conversation import CHAT_KEYS, Frame, read_frame
from router.decoding.protocol import Asking, FollowUp, Stage
from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields
from router.generation import Capability, GenerationRequest, Message

DEFAULT_INSTRUCTION = (
    "Do not write code yet. State the intention in a few lines:\n"
    "Specification: the inputs, the output, and what has to hold for them.\n"
    "Idea: the core algorithm and its time complexity."
)
DEFAULT_CODE_INSTRUCTION = "Now write the complete program that does this, alone in one code block."
_BLOCK = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)  # one that was cut off goes to the end


@dataclass(frozen=True, kw_only=True)
class PlanThenCode:
    """Asks for the intention behind a program, then for the program, in one conversation; the answer is the code.

    The plan's two parts are the intention chain-of-thought of RoutingGen (Li et al. 2025, arXiv 2512.14048). Which
    tasks deserve it is for the router to say, in place of that paper's classifier.
    """

    name: ClassVar[str] = "plan_then_code"
    frame: Frame
    code_instruction: str
    plan_tokens: int
    code_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        return (
            f"plan_then_code: {self.frame.description}, the model plans a program in at most {self.plan_tokens} tokens "
            f"and then writes it, in at most {self.code_tokens}"
        )

    @property
    def needs(self) -> frozenset[Capability]:
        """Nothing beyond text."""
        return frozenset()

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """The plan, and the code after all of it."""
        first = self._plan(task)
        return (Stage(first), Stage(self._code(task, first, plan=""), carry_tokens=first.max_tokens))

    def ask(self, task: TaskPrompt) -> Asking:
        """The code that follows the plan."""
        first = self._plan(task)
        planned = yield first
        coded = yield FollowUp(planned.texts[0].strip(), lambda plan: self._code(task, first, plan=plan))
        return read_code(coded.texts[0])

    def max_output_tokens(self) -> int:
        """The longest plan and the longest program."""
        return self.plan_tokens + self.code_tokens

    def _plan(self, task: TaskPrompt) -> GenerationRequest:
        refuse_schema(task)
        return GenerationRequest(messages=self.frame.lay_out(task), max_tokens=task.cap(self.plan_tokens))

    def _code(self, task: TaskPrompt, first: GenerationRequest, *, plan: str) -> GenerationRequest:
        turns = (Message(role="assistant", content=plan), Message(role="user", content=self.code_instruction))
        return msgspec.structs.replace(first, messages=(*first.messages, *turns), max_tokens=task.cap(self.code_tokens))


def read_code(text: str) -> str:
    """The last code block of a text, or all of the text where it has none."""
    blocks = _BLOCK.findall(text)
    return str(blocks[-1]).strip("\n") if blocks else text.strip()


def read_plan_then_code(settings: Fields) -> PlanThenCode:
    """Plan-then-code from a strategy file's settings."""
    settings.allow(*CHAT_KEYS, "code_instruction", "plan_tokens", "code_tokens")
    return PlanThenCode(
        frame=read_frame(settings, instruction=DEFAULT_INSTRUCTION),
        code_instruction=settings.text("code_instruction", DEFAULT_CODE_INSTRUCTION),
        plan_tokens=settings.tokens("plan_tokens"),
        code_tokens=settings.tokens("code_tokens"),
    )
