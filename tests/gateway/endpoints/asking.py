"""What these tests ask with."""

import json
from pathlib import Path
from typing import NamedTuple

from starlette.testclient import TestClient

STRATEGIES = """
engines:
  echo: {kind: echo, model: echo, description: no model}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - {name: large, engine: echo, decoding: {method: direct, max_tokens: 40}, tags: [big]}
"""


class Trained(NamedTuple):
    """A database in which everything can be planned, and where commands find what they need."""

    url: str
    folder: Path
    strategy_file: Path


def write_line(number: int, *, content: str | None = None, model: str = "auto") -> dict[str, object]:
    """One request as a line of a file states it."""
    messages = [{"role": "user", "content": content or f"say {number}"}]
    body = {"model": model, "messages": messages}
    return {"custom_id": f"task-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}


def upload(client: TestClient, lines: list[dict[str, object]]) -> str:
    """The id of an uploaded file."""
    content = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    reply = client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})
    assert reply.status_code == 200, reply.text
    file_id: str = reply.json()["id"]
    return file_id
