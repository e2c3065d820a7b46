"""What the README and the pages beside the guide mention: commands and options that there are."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli import app
from tests.guide.pages import CHECKOUT, DOCS, list_commands
from tests.guide.test_guide import parse

HISTORY = DOCS / "log.md"  # says what was typed then
PAGES = [CHECKOUT / "README.md", *(page for page in sorted(DOCS.glob("*.md")) if page != HISTORY)]
_MENTION = re.compile(r"`apportion ([^`]+)`")
_OPTION = re.compile(r"--[a-z][a-z-]*")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_to_type_is_what_the_command_line_takes(page: Path) -> None:
    indented = re.findall(r"^ {4}(apportion .*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for words in list_commands("\n".join(indented)):
        parse([word.strip("[]") for word in words])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_mentions_is_a_command_with_these_options(page: Path) -> None:
    for mentioned in _MENTION.findall(page.read_text(encoding="utf-8")):
        for options in list_options(mentioned.replace("\\|", "|").split()):
            assert set(_OPTION.findall(mentioned)) <= options, mentioned


def list_options(words: list[str]) -> Iterator[set[str]]:
    """The options of the command with these words, or of each of `a|b|c`."""
    found: list[object] = [get_command(app)]
    while words and all(isinstance(own, TyperGroup) for own in found):
        names, *words = words
        groups = [own for own in found if isinstance(own, TyperGroup)]
        assert all(name in group.commands for name in names.split("|") for group in groups), names
        found = [group.commands[name] for name in names.split("|") for group in groups]
    for own in found:
        yield {option for parameter in getattr(own, "params", ()) for option in parameter.opts}


def test_a_renamed_command_or_option_is_missed() -> None:
    with pytest.raises(AssertionError, match="measured"):
        list(list_options(["strategies", "measured"]))
    (options,) = list_options(["run", "JOBFILE"])
    assert "--budget" in options
    assert "--budgets" not in options
