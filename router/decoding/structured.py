"""Structured output: the model fills in a JSON schema of the strategy's own, and the answer is read from it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import fit_json, refuse_schema
from router.decoding.conversation import CHAT_KEYS, Frame, read_frame
from router.decoding.one_request import OneRequest
from router.decoding.task_prompt import TaskPrompt
from router.fields import Fields, quote, suggest
from router.generation import Capability, GenerationRequest, Grammar


@dataclass(frozen=True, kw_only=True)
class Structured(OneRequest):
    """Asks once, whatever the task is about; the answer is one field of the object that comes back, or all of it."""

    name: ClassVar[str] = "structured"
    frame: Frame
    schema: str  # as JSON text
    answer_key: str | None  # the property that holds the answer
    max_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        form = (
            "fills in a JSON schema"
            if self.answer_key is None
            else f"answers in the {self.answer_key} of a JSON schema"
        )
        return f"structured: {self.frame.description}, the model {form}, in at most {self.max_tokens} tokens"

    @property
    def needs(self) -> frozenset[Capability]:
        """JSON that fits a schema."""
        return frozenset({Capability.JSON_SCHEMA})

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """One greedy sample, for tasks that bring no schema of their own."""
        refuse_schema(task)
        return GenerationRequest(
            messages=self.frame.lay_out(task),
            max_tokens=task.cap(self.max_tokens),
            grammar=Grammar(kind=Capability.JSON_SCHEMA, schema=self.schema),
        )

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The answer's field, as JSON unless it is a text; "" where the object was cut off or has no such field."""
        whole = fit_json(texts[0].strip())
        if self.answer_key is None or not whole:
            return whole
        filled = json.loads(whole)
        answer = filled.get(self.answer_key, "") if isinstance(filled, dict) else ""
        return answer.strip() if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)

    def max_output_tokens(self) -> int:
        """One sample of max_tokens."""
        return self.max_tokens


def read_structured(settings: Fields) -> Structured:
    """Structured output from a strategy file's settings."""
    settings.allow(*CHAT_KEYS, "schema", "answer_key", "max_tokens")
    schema, frame = settings.inner("schema"), read_frame(settings)
    if schema.values.get("type") != "object":
        raise schema.error("type", f"must be object, got {quote(schema.values.get('type'))}")
    method = Structured(
        frame=frame,
        schema=_write_schema(schema),
        answer_key=_read_answer_key(settings, schema),
        max_tokens=settings.tokens("max_tokens"),
    )
    for index, example in enumerate(frame.examples):
        if not method.extract(TaskPrompt(messages=()), [example.assistant]):
            reason = f"must be JSON as the schema has it, got {quote(example.assistant)}"
            raise settings.error(f"examples[{index}].assistant", reason)
    return method


def _write_schema(schema: Fields) -> str:
    try:
        return json.dumps(schema.values)
    except TypeError as error:  # YAML knows dates and more, JSON does not
        raise schema.error("properties", f"can not be written as JSON: {error}") from None


def _read_answer_key(settings: Fields, schema: Fields) -> str | None:
    if "answer_key" not in settings:
        return None
    key, properties = settings.text("answer_key"), schema.inner("properties").values
    if key not in properties:
        raise settings.error("answer_key", f"the schema has no property {key!r}{suggest(key, properties)}")
    return key
