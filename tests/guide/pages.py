"""What the guide's pages tell their readers to type, and the files they are to write."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parent.parent.parent
DOCS = CHECKOUT / "docs"
_FENCE = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL
)
_FILE_NAME = re.compile(r"[\w.-]+\.(jsonl?|ya?ml|py|sh)")
NOT_RUN = "not run by the test: "


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    language: str
    title: str
    text: str

    @property
    def is_file(self) -> bool:
        """Whether it is to be written under its title."""
        return _FILE_NAME.fullmatch(self.title) is not None

    @property
    def is_run(self) -> bool:
        """Whether the test types it; what is not run says why in its title, for every reader."""
        return self.language == "bash" and not self.is_file and not self.title.startswith(NOT_RUN)


def list_pages() -> list[Path]:
    """The guide in the order in which the site has it."""
    text = (CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = yaml.safe_load(re.sub(r"!!python/name:\S+", "null", text))["nav"]
    guide = next(entry["Guide"] for entry in nav if "Guide" in entry)
    return [DOCS / page for entry in guide for page in entry.values()]


def read_blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [Block(language=own["language"], title=own["title"] or "", text=own["text"]) for own in found]


def write_script(page: Path) -> str:
    """A page as one script: its files written where they stand in it, its commands as they are."""
    parts = ["set -euo pipefail"]
    for block in read_blocks(page):
        if block.is_file:
            parts.append(f"cat > {block.title} <<'END_OF_FILE'\n{block.text}END_OF_FILE")
        elif block.is_run:
            parts.append(block.text.rstrip())
    return "\n".join(parts) + "\n"


def list_commands(text: str) -> Iterator[list[str]]:
    """The words of each line that begins with the command's name."""
    for line in text.splitlines():
        if line.startswith("apportion "):
            words = shlex.split(line, comments=True)
            redirected = next((place for place, word in enumerate(words) if word[0] in "<>|&"), len(words))
            yield words[1:redirected]
