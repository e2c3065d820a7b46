"""Program-of-thought: the model writes the arithmetic, we do it (Chen et al. 2023, arXiv 2211.12588)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import refuse_schema
from router.decoding.conversation import FRAME_KEYS, Frame, read_frame
from router.decoding.one_request import OneRequest
from router.decoding.task_prompt import TaskPrompt
from router.errors import ExpressionError
from router.expression import evaluate_expression, format_number
from router.fields import Fields
from router.generation import Capability, GenerationRequest, Grammar

# Repetition is bounded and parentheses do not nest, so that the engine's grammar stays a small automaton.
_NUMBER = r"-?[0-9]{1,9}(\.[0-9]{1,6})?%?"
_PARENTHESIS = rf"\({_NUMBER}( [+\-*/] {_NUMBER}){{1,4}}\)"
_OPERAND = rf"({_NUMBER}|{_PARENTHESIS})"
EXPRESSION_PATTERN = rf"{_OPERAND}( [+\-*/] {_OPERAND}){{0,6}}"

DEFAULT_INSTRUCTION = "Write only the arithmetic expression whose value is the answer, with numbers, + - * / and ( )."
DEFAULT_MAX_TOKENS = 24


@dataclass(frozen=True, kw_only=True)
class ProgramOfThought(OneRequest):
    """Asks once for an expression; the answer is its exact value."""

    name: ClassVar[str] = "program_of_thought"
    frame: Frame
    decimals: int
    max_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        way = f"{self.frame.description}, the model writes an arithmetic expression that is evaluated exactly"
        return f"program_of_thought: {way}, in at most {self.max_tokens} tokens"

    @property
    def needs(self) -> frozenset[Capability]:
        """Text that a regular expression holds to arithmetic."""
        return frozenset({Capability.REGEX})

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """One greedy sample, for tasks that do not demand JSON."""
        refuse_schema(task)
        return GenerationRequest(
            messages=self.frame.lay_out(task),
            max_tokens=task.cap(self.max_tokens),
            grammar=self.frame.fit_grammar(Grammar(kind=Capability.REGEX, pattern=EXPRESSION_PATTERN)),
            stop=self.frame.line_stop,
        )

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The value of the expression, or "" where it has none, as after a division by zero."""
        try:
            value = evaluate_expression(texts[0].strip())
        except ExpressionError:
            return ""
        return format_number(value, decimals=self.decimals)

    def max_output_tokens(self) -> int:
        """One sample of max_tokens."""
        return self.max_tokens


def read_program_of_thought(settings: Fields) -> ProgramOfThought:
    """Program-of-thought from a strategy file's settings."""
    settings.allow(*FRAME_KEYS, "decimals", "max_tokens")
    frame = read_frame(settings, instruction=None if "examples" in settings else DEFAULT_INSTRUCTION)
    for index, example in enumerate(frame.examples):
        _check_example(settings, index, example.assistant)
    return ProgramOfThought(
        frame=frame,
        decimals=settings.count("decimals", 6, least=0, most=12),
        max_tokens=settings.tokens("max_tokens", DEFAULT_MAX_TOKENS),
    )


def _check_example(settings: Fields, index: int, expression: str) -> None:
    """Refuse an example that the grammar would never let the model write."""
    key = f"examples[{index}].assistant"
    if not re.fullmatch(EXPRESSION_PATTERN, expression):
        raise settings.error(key, f"must be arithmetic such as '(12 + 3) * 4', got {expression!r}")
    try:
        evaluate_expression(expression)
    except ExpressionError as error:
        raise settings.error(key, str(error)) from None
