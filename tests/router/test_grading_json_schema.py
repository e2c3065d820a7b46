"""The json_schema grader: as strict as its schema, exact in numbers, and never slow, whatever schema or answer."""

import json
import time
from collections.abc import Mapping

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import GraderError
from router.grading import Grader, grade, parse_grader

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z]"},
        "born": {"type": "integer", "minimum": 1800, "exclusiveMaximum": 1900},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
        "$ref": {"type": "string"},  # a property of that name, not a keyword
    },
    "required": ["name", "born"],
    "additionalProperties": False,
    "$defs": {"tag": {"enum": ["poet", "engineer", 1, True, None]}},
}

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab", "b"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3),
    max_leaves=8,
)


def simple_schemas() -> st.SearchStrategy[dict[str, object]]:
    leaves = st.one_of(
        st.builds(
            lambda name: {"type": name}, st.sampled_from(["null", "boolean", "integer", "string", "array", "object"])
        ),
        st.builds(lambda value: {"const": value}, documents),
        st.builds(lambda values: {"enum": values}, st.lists(documents, min_size=1, max_size=3)),
        st.builds(lambda number: {"minimum": number}, st.integers(-3, 3)),
        st.builds(lambda number: {"multipleOf": number}, st.integers(1, 3)),
        st.builds(lambda number: {"maxLength": number}, st.integers(0, 2)),
        st.builds(lambda pattern: {"pattern": pattern}, st.sampled_from(["a", "^a", "b$", "a*", "[ab]{2}"])),
        st.just({"uniqueItems": True}),
        st.builds(lambda name: {"required": [name]}, st.sampled_from("abc")),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda schema: {"items": schema}, inner),
            st.builds(lambda schema: {"not": schema}, inner),
            st.builds(lambda schema: {"properties": {"a": schema}, "additionalProperties": False}, inner),
            st.builds(lambda schemas: {"anyOf": schemas}, st.lists(inner, min_size=1, max_size=2)),
            st.builds(lambda schemas: {"oneOf": schemas}, st.lists(inner, min_size=1, max_size=2)),
            st.builds(lambda one, two, three: {"if": one, "then": two, "else": three}, inner, inner, inner),
        ),
        max_leaves=5,
    )


def make(schema: Mapping[str, object]) -> Grader:
    return parse_grader({"kind": "json_schema", "reference": schema})


def is_right(schema: Mapping[str, object], answer: str) -> bool:
    return grade(make(schema), answer) == 1.0


@given(simple_schemas(), documents)
def test_it_accepts_what_the_standard_accepts(schema: dict[str, object], document: object) -> None:
    wanted = jsonschema.Draft202012Validator(schema).is_valid(document)
    assert is_right(schema, json.dumps(document)) is wanted


@given(documents)
def test_a_constant_is_matched_by_itself_and_by_nothing_else(document: object) -> None:
    assert is_right({"const": document}, json.dumps(document))
    assert not is_right({"const": document}, json.dumps([document]))


@pytest.mark.parametrize(
    "answer",
    ['{"name": "Ada", "born": 1815}', '```json\n{"name": "Ada", "born": 1815.0, "tags": ["poet", 1, true]}\n```',
     '{"name": "Ada", "born": 1.815e3, "tags": [], "$ref": "x"}'],
)  # fmt: skip
def test_it_accepts(answer: str) -> None:
    assert is_right(PERSON, answer)


@pytest.mark.parametrize(
    "answer",
    ['{"name": "Ada"}', '{"name": "ada", "born": 1815}', '{"name": "Ada", "born": 1815.5}',
     '{"name": "Ada", "born": 1900}',
     '{"name": "Ada", "born": "1815"}', '{"name": "Ada", "born": true}', '{"name": "Ada", "born": 1815, "x": 1}',
     '{"name": "Ada", "born": 1815, "tags": ["poet", "poet"]}', '{"name": "Ada", "born": 1815, "tags": [false]}',
     '{"name": "Ada", "born": 1815, "tags": [1, 1.0]}', '{"name": "Ada", "born": 1815, "born": 1816}',
     'Here: {"name": "Ada", "born": 1815}', '{"name": "Ada", "born": 1815} {"name": "Ada", "born": 1815}', "null", "{}",
     '{"name": "Ada", "born": NaN}', '{"name": "Ada", "born": 1815, "$ref": 1}', "[" * 19_000,
     '[{"name": "Ada", "born": 1815}]'],
)  # fmt: skip
def test_it_refuses(answer: str) -> None:
    assert not is_right(PERSON, answer)


def test_numbers_are_exact() -> None:
    assert is_right({"multipleOf": 0.1}, "0.3")
    assert is_right({"const": 0.1}, "0.10")
    assert not is_right({"maximum": 9007199254740992}, "9007199254740993")
    assert is_right({"type": "null"}, "null")


BRANCHES = [{"items": {"$ref": "#/$defs/tree"}, "type": "array"}] * 2


@pytest.mark.parametrize(
    ("schema", "answer"),
    [
        ({"$defs": {"tree": {"anyOf": BRANCHES}}, "$ref": "#/$defs/tree"}, "[" * 60 + "1" + "]" * 60),
        ({"$ref": "#"}, "1"),
        ({"items": {"$ref": "#"}, "maxItems": 1}, "[" * 5_000 + "]" * 5_000),
        ({"uniqueItems": True, "maxItems": 1}, "[" + ",".join(f'{{"a":{n}}}' for n in range(2_000)) + "]"),
        ({"uniqueItems": True, "maxItems": 1}, "[" + ",".join(f'[{n},"a"]' for n in range(1_900)) + "]"),
        ({"pattern": "(a+)+$"}, '"' + "a" * 4_000 + 'b"'),
        ({"pattern": "(a|a)*b"}, '"' + "a" * 4_000 + '"'),
        (
            {"items": {"allOf": [{"pattern": f"(x+)+{n}"} for n in range(60)]}},
            "[" + ",".join(['"xxxxxxxx"'] * 900) + "]",
        ),
    ],
)
def test_no_schema_and_no_answer_make_it_slow(schema: Mapping[str, object], answer: str) -> None:
    grader = make(schema)
    started = time.process_time()
    assert grade(grader, answer) == 0.0
    assert time.process_time() - started < 10.0


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ([], "grader.reference: must be a mapping, got []"),
        ({}, "grader.reference: accepts everything: write at least one keyword, such as type"),
        ({"requird": ["a"]}, "grader.reference.requird: is not a known key (did you mean 'required'?)"),
        ({"type": "objct"}, "grader.reference.type: is not valid in a schema: 'objct'"),
        (
            {"properties": {"a": {"minimum": "3"}}},
            "grader.reference.properties.a.minimum: is not valid in a schema: '3'",
        ),
        (
            {"anyOf": [{"type": "null"}, {"minLength": -1}]},
            "grader.reference.anyOf[1].minLength: is not valid in a schema",
        ),
        (
            {"properties": {"a": {"pattern": r"(a)\1"}}},
            "grader.reference.properties.a.pattern: is not a regular expression that can be used: groupref",
        ),
        ({"items": {"pattern": "("}}, "grader.reference.items.pattern: is not a regular expression that can be used"),
        (
            {"pattern": "a" * 990},
            "grader.reference.pattern: is not a regular expression that can be used: a pattern has",
        ),
        ({"pattern": "(?i)a"}, "grader.reference.pattern: is not a regular expression that can be used: global flags"),
        ({"$ref": "https://example.com/schema"}, "grader.reference.$ref: must be a place in this schema, such as"),
        ({"$ref": "file:///etc/passwd"}, "grader.reference.$ref: must be a place in this schema, such as"),
        ({"not": {"$ref": "#/$defs/x"}}, "grader.reference.not.$ref: names the place '#/$defs/x', where no schema"),
        ({"$id": "https://example.com/", "type": "null"}, "grader.reference.$id: is not supported"),
        ({"patternProperties": {"(a+)+$": True}}, "grader.reference.patternProperties: is not supported: write"),
        ({"format": "date"}, "grader.reference.format: is an annotation that nothing checks: write a pattern"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "type": "null"}, "grader.reference.$schema: must be"),
        ({"enum": ["x" * 50_000]}, "grader.reference: is longer than 50000 characters: shorten it"),
    ],
)
def test_a_schema_that_is_not_honoured_whole_is_refused_by_its_place(schema: object, message: str) -> None:
    with pytest.raises(GraderError) as caught:
        parse_grader({"kind": "json_schema", "reference": schema})
    assert str(caught.value).startswith(message)


def test_a_schema_nested_too_deep_is_refused() -> None:
    schema: dict[str, object] = {"type": "null"}
    for _ in range(5_000):
        schema = {"not": schema}
    with pytest.raises(GraderError, match="nested too deep"):
        make(schema)
