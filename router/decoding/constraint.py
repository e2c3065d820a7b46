"""The form a method demands of an answer: a regular expression, fixed choices, or the options its prompt names."""

import json
import re
from dataclasses import dataclass

from router.decoding.conversation import Example
from router.decoding.options import DEFAULT_OPTIONS_PATTERN, compile_list_pattern, read_options
from router.decoding.task_prompt import TaskPrompt
from router.errors import NotEligible
from router.fields import Fields, quote
from router.generation import Capability, Grammar, Message
from router.linear_regex import compile_regex

CONSTRAINT_KEYS = ("regex", "choices", "options_pattern")
FROM_TASK = "from_task"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """At most one of `regex`, `choices` and `options_pattern` is given; with none of them an answer is free."""

    regex: str | None = None
    choices: tuple[str, ...] = ()
    options_pattern: str | None = None  # how a prompt names its options, in a group called `list`

    @property
    def needs(self) -> frozenset[Capability]:
        """What an engine must be able to do to hold an answer to this form."""
        if self.regex is not None:
            return frozenset({Capability.REGEX})
        return frozenset() if self._is_free() else frozenset({Capability.CHOICE})

    @property
    def description(self) -> str:
        """The form in words, for a method's description."""
        if self.regex is not None:
            return "in the form of a regular expression"
        if self.choices:
            return f"with one of {len(self.choices)} fixed options"
        return "in its own words" if self._is_free() else "with one of the options that the prompt names"

    def grammar_for(self, task: TaskPrompt) -> Grammar | None:
        """The grammar for one task; the caller's own JSON schema fills a free form and rules out any other."""
        if self._is_free():
            return None if task.json_schema is None else Grammar(kind=Capability.JSON_SCHEMA, schema=task.json_schema)
        refuse_schema(task)
        if self.regex is not None:
            return Grammar(kind=Capability.REGEX, pattern=self.regex)
        return Grammar(kind=Capability.CHOICE, choices=self.options_for(task))

    def options_for(self, task: TaskPrompt) -> tuple[str, ...]:
        """The texts of which an answer must be one; NotEligible where the prompt names fewer than two."""
        return self.choices or read_options(task.question, self.options_pattern or DEFAULT_OPTIONS_PATTERN)

    def fit(self, task: TaskPrompt, text: str) -> str:
        """The answer in a text, or "" where the text does not have the form, as after running into max_tokens."""
        answer = text.strip()
        if self._is_free():
            return answer if task.json_schema is None else fit_json(answer)
        if self.regex is not None:
            return answer if compile_regex(self.regex).fullmatch(answer) else ""
        return match_option(answer, self.options_for(task))

    def _is_free(self) -> bool:
        return self.regex is None and not self.choices and self.options_pattern is None


def match_option(answer: str, options: tuple[str, ...]) -> str:
    """The option that an answer is, or is the unmistakable beginning of where its tokens ran out; "" otherwise."""
    begun = [option for option in options if answer and option.casefold().startswith(answer.casefold())]
    exact = [option for option in begun if option.casefold() == answer.casefold()]
    if exact:
        return exact[0]
    return begun[0] if len(begun) == 1 else ""


def fit_json(answer: str) -> str:
    """The answer where it is JSON, or "" where it was cut off."""
    try:
        json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    return answer


def refuse_schema(task: TaskPrompt) -> None:
    """NotEligible where the caller demands JSON, for a method whose answers are not JSON."""
    if task.json_schema is not None:
        raise NotEligible("the task's response_format demands JSON, which this decoding method does not write")


def read_constraint(settings: Fields) -> Constraint:
    """The constraint in a method's settings: `regex`, or `choices` as a list or as `from_task`."""
    if "regex" in settings and "choices" in settings:
        raise settings.error("regex", "an answer is held to either regex or choices, not to both")
    if "options_pattern" in settings and settings.values.get("choices") != FROM_TASK:
        raise settings.error("options_pattern", f"is only used with choices: {FROM_TASK}")
    if "regex" in settings:
        return Constraint(regex=_read_regex(settings))
    if "choices" not in settings:
        return Constraint()
    if settings.values["choices"] == FROM_TASK:
        return Constraint(options_pattern=compile_list_pattern(settings, "options_pattern", DEFAULT_OPTIONS_PATTERN))
    return Constraint(choices=settings.texts("choices"))


def check_examples(settings: Fields, examples: tuple[Example, ...], constraint: Constraint) -> None:
    """Refuse an example whose answer the constraint would never let the model give."""
    if constraint.regex is None and not constraint.choices:
        return
    for index, example in enumerate(examples):
        task = TaskPrompt(messages=(Message(role="user", content=example.user),))
        if constraint.fit(task, example.assistant) != example.assistant:
            reason = f"is not an answer that regex or choices allow, got {quote(example.assistant)}"
            raise settings.error(f"examples[{index}].assistant", reason)


def _read_regex(settings: Fields) -> str:
    pattern = settings.text("regex")
    try:
        compile_regex(pattern)
    except re.error as error:
        raise settings.error("regex", f"is not a regular expression that can hold an answer: {error}") from None
    return pattern
