"""Databases in which the strategies of a file without models have predictors: trained once, copied for each test."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from gateway.cli import app
from tests.worker.fake_night import make_tasks

STRATEGIES = """
engines:
  echo: {kind: echo, model: echo, description: no model}
  slow: {kind: echo, model: slow, description: no model either, options: {delay_seconds: 0.05, concurrency: 4}}
strategies:
  - {name: small, engine: echo, decoding: {method: direct, max_tokens: 10}}
  - {name: large, engine: echo, decoding: {method: direct, max_tokens: 40}}
  - {name: patient, engine: slow, decoding: {method: direct, max_tokens: 40}}
"""
TRAINING_TASKS = 12


def write_strategies(folder: Path, text: str = STRATEGIES) -> Path:
    """The strategy file in a folder."""
    file = folder / "strategies.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def name_database(server_url: str, name: str) -> str:
    """The address of another database of the server."""
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def execute(server_url: str, statement: str) -> None:
    """Outside of every transaction."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def train(url: str, folder: Path) -> None:
    """Calibrate and train in this database."""
    strategies, tasks = write_strategies(folder), folder / "tasks.jsonl"
    tasks.write_text("".join(f"{task.payload}\n" for task in make_tasks(TRAINING_TASKS)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPORTION_DATABASE_URL", url)
        patch.setenv("APPORTION_CACHE_DIRECTORY", str(folder / "cache"))
        for words in (("calibrate", str(tasks)), ("train",)):
            result = CliRunner().invoke(app, [*words, "--strategies", str(strategies)])
            assert result.exit_code == 0, result.output


@contextmanager
def copy_database(server_url: str, *, name: str, template: str) -> Iterator[str]:
    """A copy of a database, gone at the end of the block."""
    execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield name_database(server_url, name)
    execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def write_lines(count: int, *, prefix: str = "task", model: str = "auto") -> bytes:
    """A batch input file."""
    lines = [
        json.dumps(
            {
                "custom_id": f"{prefix}-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": model, "messages": [{"role": "user", "content": f"say {prefix} {number}"}]},
                "grader": {"kind": "exact", "reference": f"say {prefix} {number}"},
            }
        )
        for number in range(count)
    ]
    return "".join(f"{line}\n" for line in lines).encode()
