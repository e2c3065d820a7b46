"""A page of every HTTP endpoint, made from the OpenAPI document when the site is built."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from gateway.api.app import ANY_ERROR, ROUTES
from gateway.api.document import Described

PAGE = "reference/http.md"
HEAD = """# HTTP endpoints

Made from the code's OpenAPI document, which a server has under `/openapi.json`. [The HTTP API](../api.md) says what
it can not. The examples are of one evening's batch. Every refusal is `{"error": {"message", "type", "param", "code"}}`.
"""

Schema = Mapping[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The site's files with this page among them."""
    files.append(File.generated(config, PAGE, content=write_page()))
    return files


def write_page() -> str:
    """The page as Markdown."""
    app = Described(title="Apportion", responses=ANY_ERROR)
    for routes in ROUTES:
        app.include_router(routes)
    document = app.openapi()
    return "\n".join([HEAD, *_write_paths(document)])


def _write_paths(document: Schema) -> Iterator[str]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"## {method.upper()} {path}\n\n{operation.get('description', operation['summary'])}\n"
            yield from _write_parameters(operation)
            body = operation.get("requestBody", {}).get("content", {})
            for kind, content in body.items():
                yield from _write_fields(f"Body, `{kind}`", content["schema"], document)
                yield from _write_examples(content, document)
            answer = operation["responses"].get("200", {}).get("content", {}).get("application/json")
            if answer is not None:
                yield from _write_fields("Answer", answer["schema"], document)
                yield from _write_examples(answer, document)


def _write_parameters(operation: Schema) -> Iterator[str]:
    asked = [one for one in operation.get("parameters", ()) if one["in"] != "cookie"]
    if asked:
        yield "| parameter | in | meaning |\n| --- | --- | --- |"
        yield from (f"| `{one['name']}` | {one['in']} | {_clean(one.get('description', ''))} |" for one in asked)
        yield ""


def _write_fields(title: str, schema: Schema, document: Schema) -> Iterator[str]:
    """One row for each field; what is nested is named by its schema."""
    resolved = _resolve(schema, document)
    fields = resolved.get("properties", {})
    if not fields:
        return
    yield f"{title}: {_clean(resolved.get('description', ''))}\n"
    yield "| field | type | meaning |\n| --- | --- | --- |"
    required = resolved.get("required", ())
    for name, field in fields.items():
        mark = "" if name in required or title == "Answer" else " (optional)"
        yield f"| `{name}` | {_say_type(field)}{mark} | {_clean(field.get('description', ''))} |"
    yield ""


def _write_examples(content: Schema, document: Schema) -> Iterator[str]:
    own = [content["example"]] if "example" in content else _resolve(content["schema"], document).get("examples", ())
    for example in own:
        yield f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```\n"


def _resolve(schema: Schema, document: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    own: Schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    return own


def _say_type(field: Schema) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(map(_say_type, field["anyOf"])))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {_say_type(field.get('items', {}))}"
    return str(field.get("type", "any"))


def _clean(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
