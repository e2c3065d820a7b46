"""The user guide: whoever types it from its first page to its last gets what it says."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from db.invariants import find_violations
from db.session import session_scope
from gateway.cli import app
from tests.guide.pages import CHECKOUT, NOT_RUN, list_commands, list_pages, read_blocks, write_script

PAGE_SECONDS = 240


@contextmanager
def serve_commands(folder: Path) -> Iterator[Path]:
    """A folder with an `apportion` in it, for a shell's PATH."""
    path, script = folder / "commands", folder / "apportion"
    client = CHECKOUT / "tests" / "guide" / "command_client.py"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -S -E {client} {path} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    command = [sys.executable, "-m", "tests.guide.command_server", str(path)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, start_new_session=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        try:
            yield folder
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # with what a page that failed has left behind


def make_environment(folder: Path, *, commands: Path, database_url: str) -> Mapping[str, str]:
    return {
        "PATH": f"{commands}:/usr/bin:/bin",
        "PYTHONPATH": str(CHECKOUT),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "APPORTION_DATABASE_URL": database_url,
        "APPORTION_DATA_DIRECTORY": str(folder / "data"),
        "APPORTION_CACHE_DIRECTORY": str(folder / "cache"),
    }


def find_free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


@pytest.mark.timeout(900)  # a minute, where nobody else wants the processor
def test_the_guide_works_from_its_first_page_to_its_last(database_url: str, tmp_path: Path) -> None:
    folder, tools = tmp_path / "reader", tmp_path / "tools"
    folder.mkdir()
    tools.mkdir()
    port = find_free_port()
    with serve_commands(tools) as commands:
        environment = make_environment(folder, commands=commands, database_url=database_url)
        for page in list_pages():
            script = write_script(page).replace("8080", port)
            typed = subprocess.run(
                ["bash", "-c", script],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PAGE_SECONDS,
                check=False,
            )
            assert typed.returncode == 0, f"{page.name}\n{typed.stdout}\n{typed.stderr}"
    assert (folder / "out" / "report.html").exists()
    database = create_engine(database_url)
    with session_scope(database) as session:
        assert find_violations(session) == []
    database.dispose()


@pytest.mark.parametrize("page", list_pages(), ids=lambda page: page.stem)
def test_what_is_not_run_says_why_and_is_what_the_command_line_takes(page: Path) -> None:
    for block in read_blocks(page):
        if block.language != "bash" or block.is_file:
            continue
        assert not block.title or len(block.title) > len(NOT_RUN) + 10, block.title
        for words in list_commands(block.text):
            parse(words)


def parse(words: list[str]) -> None:
    """As the command line reads them; an error for an option or a command that it does not know."""
    own: object = get_command(app)
    while isinstance(own, TyperGroup):
        name, *words = words
        assert name in own.commands, name
        own = own.commands[name]
    assert isinstance(own, TyperCommand)
    own.make_context(own.name, list(words))
