"""The table of exit codes in the README says what their comments say."""

import re
from pathlib import Path

from gateway.exit_codes import ExitCode

CHECKOUT = Path(__file__).parent.parent.parent


def test_the_readme_quotes_every_code() -> None:
    source = (CHECKOUT / "gateway" / "exit_codes.py").read_text(encoding="utf-8")
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    said = {int(code): words for code, words in re.findall(r"^\| (\d+) \| (.+) \|$", readme, re.MULTILINE)}
    meant = {int(code): words for code, words in re.findall(r"^    \w+ = (\d+)  # (.+)$", source, re.MULTILINE)}
    assert set(meant) == set(map(int, ExitCode))
    assert {code: words.partition(" (also")[0] for code, words in meant.items()} == said
