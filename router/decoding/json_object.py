"""JSON object: the answer is one object, held to the caller's schema or to the keys that the prompt names."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import fit_json
from router.decoding.conversation import CHAT_KEYS, Frame, read_frame
from router.decoding.one_request import OneRequest
from router.decoding.options import DEFAULT_KEYS_PATTERN, compile_list_pattern, read_keys
from router.decoding.task_prompt import TaskPrompt
from router.errors import NotEligible
from router.fields import Fields, quote
from router.generation import Capability, GenerationRequest, Grammar

FLAT_VALUE = {"type": ["string", "number", "boolean", "null"]}


@dataclass(frozen=True, kw_only=True)
class JsonObject(OneRequest):
    """Asks once; the grammar leaves the model nothing but an object that fits the schema."""

    name: ClassVar[str] = "json_object"
    frame: Frame
    schema: str | None  # for tasks that bring none of their own, as JSON text; None makes one from the prompt's keys
    keys_pattern: str  # how a prompt names its keys, in a group called `list`
    max_tokens: int

    @property
    def description(self) -> str:
        """How the model is asked."""
        way = f"{self.frame.description}, the model writes one JSON object that fits a schema"
        return f"json_object: {way}, in at most {self.max_tokens} tokens"

    @property
    def needs(self) -> frozenset[Capability]:
        """JSON that fits a schema."""
        return frozenset({Capability.JSON_SCHEMA})

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """One greedy sample, for tasks that want JSON."""
        return GenerationRequest(
            messages=self.frame.lay_out(task),
            max_tokens=task.cap(self.max_tokens),
            grammar=Grammar(kind=Capability.JSON_SCHEMA, schema=self._schema_for(task)),
        )

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The object as the model wrote it, or "" where it was cut off."""
        return fit_json(texts[0].strip())

    def max_output_tokens(self) -> int:
        """One sample of max_tokens."""
        return self.max_tokens

    def _schema_for(self, task: TaskPrompt) -> str:
        if task.json_schema is not None:
            return task.json_schema
        if "json" not in task.question.casefold():
            raise NotEligible("the task asks for no JSON: neither its response_format nor its prompt mentions it")
        return self.schema or json.dumps(make_flat_schema(read_keys(task.question, self.keys_pattern)))


def make_flat_schema(keys: tuple[str, ...]) -> dict[str, object]:
    """The schema of an object with just these keys, in order, and plain values; without keys, of any flat object."""
    if not keys:
        return {"type": "object", "additionalProperties": FLAT_VALUE}
    return {
        "type": "object",
        "properties": dict.fromkeys(keys, FLAT_VALUE),
        "required": list(keys),
        "additionalProperties": False,
    }


def read_json_object(settings: Fields) -> JsonObject:
    """JSON object from a strategy file's settings."""
    settings.allow(*CHAT_KEYS, "schema", "keys_pattern", "max_tokens")
    frame = read_frame(settings)
    for index, example in enumerate(frame.examples):
        if not fit_json(example.assistant):
            raise settings.error(f"examples[{index}].assistant", f"must be JSON, got {quote(example.assistant)}")
    return JsonObject(
        frame=frame,
        schema=json.dumps(settings.inner("schema").values) if "schema" in settings else None,
        keys_pattern=compile_list_pattern(settings, "keys_pattern", DEFAULT_KEYS_PATTERN),
        max_tokens=settings.tokens("max_tokens"),
    )
