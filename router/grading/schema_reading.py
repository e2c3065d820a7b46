"""A JSON schema that somebody wrote, checked part by part: whatever would not be honoured is refused by name."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from router.errors import FieldError
from router.fields import Fields, quote, read_decimal
from router.linear_regex import compile_regex

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LONGEST_SCHEMA = 50_000  # characters

CHECKED = (
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "contains", "dependentRequired", "dependentSchemas",
    "else", "enum", "exclusiveMaximum", "exclusiveMinimum", "if", "items", "maxContains", "maxItems", "maxLength",
    "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "not",
    "oneOf", "pattern", "prefixItems", "properties", "propertyNames", "required", "then", "type", "uniqueItems",
)  # fmt: skip
NOTES = (
    "$comment",
    "$defs",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
)

REFUSED = {
    "format": "is an annotation that nothing checks: write a pattern",
    "patternProperties": "is not supported: write propertyNames with a pattern, and additionalProperties",
    "unevaluatedProperties": "is not supported: write additionalProperties",
    "unevaluatedItems": "is not supported: write items beside prefixItems",
    "$id": "is not supported: everything a schema refers to stands in it, so it needs no address",
    "$anchor": 'is not supported: refer to a place, such as "#/$defs/name"',
    "$dynamicAnchor": 'is not supported: refer to a place, such as "#/$defs/name"',
    "$dynamicRef": 'is not supported: write $ref with a place, such as "#/$defs/name"',
    "definitions": "is an older draft's: write $defs",
}

_SCHEMAS_BY_NAME = frozenset({"$defs", "properties", "dependentSchemas"})
_VALUES = frozenset({"const", "enum", "default", "examples", "required", "dependentRequired", "type"})


def read_schema(schema: Fields) -> Mapping[str, Any]:
    """The schema, once it is one of draft 2020-12 that is honoured whole; FieldError names the part that is not."""
    if not schema.values:
        raise FieldError(schema.path, "accepts everything: write at least one keyword, such as type")
    try:
        if len(repr(schema.values)) > LONGEST_SCHEMA:
            raise FieldError(schema.path, f"is longer than {LONGEST_SCHEMA} characters: shorten it")
        for part in _walk(schema):
            _check_part(part, schema.values)
        _check_shape(schema)
    except RecursionError:
        raise FieldError(schema.path, "is nested too deep: flatten it") from None
    return schema.values


def exact_numbers(value: Any) -> Any:
    """The same document with every number as the Fraction that its decimal digits state."""
    if isinstance(value, Mapping):
        return {key: exact_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(exact_numbers, value))
    number = read_decimal(value) if isinstance(value, int | float) else None
    return value if number is None else Fraction(number)


def _walk(schema: Fields) -> Iterator[Fields]:
    """Every subschema with its place. Under properties and the like stand names, not keywords."""
    yield schema
    for key, value in schema.values.items():
        if key in _VALUES:
            continue
        if key in _SCHEMAS_BY_NAME and isinstance(value, Mapping):
            children = [(f"{schema.at(key)}.{name}", item) for name, item in value.items()]
        elif isinstance(value, list):
            children = [(f"{schema.at(key)}[{index}]", item) for index, item in enumerate(value)]
        else:
            children = [(schema.at(key), value)]
        for path, item in children:
            if isinstance(item, Mapping):
                yield from _walk(Fields(item, path=path))


def _check_part(part: Fields, document: Mapping[str, Any]) -> None:
    for key in part.values:
        if key in REFUSED:
            raise part.error(key, REFUSED[key])
    part.allow(*CHECKED, *NOTES)
    if part.values.get("$schema", DIALECT) != DIALECT:
        raise part.error("$schema", f"must be {DIALECT} or left out, got {quote(part.values['$schema'])}")
    if "pattern" in part:
        _check_pattern(part)
    if "$ref" in part:
        _check_reference(part, document)


def _check_pattern(part: Fields) -> None:
    try:
        compile_regex(search_pattern(part.text("pattern")))
    except re.error as error:
        raise part.error("pattern", f"is not a regular expression that can be used: {error}") from None


def search_pattern(pattern: str) -> str:
    """The pattern that matches a whole text wherever this one is found in it, as JSON Schema means it."""
    return rf"[\s\S]*(?:{pattern})[\s\S]*"


def _check_reference(part: Fields, document: Mapping[str, Any]) -> None:
    reference = part.text("$ref")
    if reference != "#" and not reference.startswith("#/"):
        raise part.error("$ref", f'must be a place in this schema, such as "#/$defs/name", got {quote(reference)}')
    found: Any = document
    for step in reference.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping | bool):
        raise part.error("$ref", f"names the place {quote(reference)}, where no schema stands")


def _check_shape(schema: Fields) -> None:
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema.values)
    except SchemaError as error:
        place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
        raise FieldError(f"{schema.path}{place}", f"is not valid in a schema: {error.message}") from None
