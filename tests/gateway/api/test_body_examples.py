"""Every body that the document knows has an example, which is what its schema says and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

Schema = Mapping[str, Any]
WRITTEN = ("application/json", "multipart/form-data")  # the others are lines, text and events


class Body(NamedTuple):
    """What is sent with an operation, or answered to it."""

    of: str
    examples: list[Any]
    schema: Schema


@pytest.fixture
def document(client: TestClient) -> Schema:
    """What `/openapi.json` says."""
    found: Schema = client.get("/openapi.json").json()
    return found


def resolve(schema: Schema, document: Schema) -> Schema:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Schema = document["components"]["schemas"][name] if name else schema
    return found


def list_bodies(document: Schema) -> Iterator[Body]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = {f"answer {status}": reply for status, reply in operation["responses"].items()}
            for what, holder in {"request": operation.get("requestBody", {}), **answers}.items():
                for kind, content in holder.get("content", {}).items():
                    if kind in WRITTEN:
                        yield Body(f"{method} {path}, {what}", find_examples(content, document), content["schema"])


def find_examples(content: Schema, document: Schema) -> list[Any]:
    inline = [content["example"]] if "example" in content else []
    return [*inline, *resolve(content["schema"], document).get("examples", ())]


def test_every_body_has_an_example_that_its_schema_allows(document: Schema) -> None:
    bodies = list(list_bodies(document))
    assert len(bodies) > 60
    for body in bodies:
        assert body.examples, body.of
        validator = Draft202012Validator({**body.schema, "components": document["components"]})
        for example in body.examples:
            assert [error.message for error in validator.iter_errors(example)] == [], body.of
            known = resolve(body.schema, document).get("properties")
            assert known is None or example.keys() <= known.keys(), body.of


def test_examples_of_answers_show_every_field(document: Schema) -> None:
    for body in list_bodies(document):
        fields = resolve(body.schema, document).get("properties", {})
        if "answer" in body.of:
            assert all(example.keys() >= fields.keys() for example in body.examples), body.of
