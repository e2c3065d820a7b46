"""Decoding methods of other packages: installed as packages are, loaded when they are named, refused by name."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import StrategyFileError
from router.strategy import Strategy
from tests.router.decoding_specs import ask, converse, say
from worker.pool import read_strategy_file

# The example of docs/decoding.md, as it stands there.
GUIDE = Path(__file__).parents[2] / "docs" / "decoding.md"
FILE = """
engines:
  e: {{kind: openai, model: m, base_url: "http://127.0.0.1:9/v1", description: d}}
strategies:
  - name: own
    engine: e
    decoding: {decoding}
"""


class Site:
    """A folder on sys.path into which packages are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, code: str, *entry_points: str) -> None:
        """A distribution of one module with entry points in our group."""
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        record = self.folder / f"{module}-1.2.dist-info"
        record.mkdir()
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = "\n".join(("[apportion.decoding_methods]", *entry_points))
        (record / "entry_points.txt").write_text(f"{lines}\n")

    def read(self, decoding: str) -> Strategy:
        """The strategy whose file says this under `decoding`."""
        path = self.folder / "strategies.yaml"
        path.write_text(FILE.format(decoding=decoding))
        return read_strategy_file(path).strategies[0]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield Site(tmp_path)
    for name in set(sys.modules) - known:
        del sys.modules[name]


def read_guide() -> str:
    """The worked example's module."""
    blocks = GUIDE.read_text(encoding="utf-8").split("```python\n")
    [module] = [block.split("```")[0] for block in blocks[1:] if "def read_second_thought" in block]
    return module


def install_example(site: Site) -> None:
    site.install("second-thought", read_guide(), "second_thought = second_thought:read_second_thought")


def test_the_guides_example_serves_as_the_guide_says(site: Site) -> None:
    install_example(site)
    method = site.read("{method: second_thought, max_tokens: 32}").decoding
    answer, requests = converse(method, ask("Capital of Italy?"), say("Milan.", "Rome."))
    assert answer == "Rome."
    assert [turn.content for turn in requests[1].messages[:2]] == ["Capital of Italy?", "Milan."]
    assert [stage.carry_tokens for stage in method.stages(ask("?"))] == [0, 32]
    assert method.max_output_tokens() == 64


def test_a_package_is_not_imported_before_its_method_is_named(site: Site) -> None:
    site.install("broken", "raise RuntimeError('no GPU here')", "broken = broken:read")
    assert site.read("{method: direct, max_tokens: 9}").decoding.name == "direct"
    with pytest.raises(StrategyFileError) as refused:
        site.read("{method: broken}")
    assert str(refused.value).endswith(
        "strategies.yaml: strategies[0].decoding.method: the entry point broken = broken:read of broken 1.2 "
        "(group apportion.decoding_methods) can not be used: RuntimeError: no GPU here"
    )


def test_our_own_names_can_not_be_taken(site: Site) -> None:
    site.install("usurper", "raise RuntimeError", "direct = usurper:read")
    assert type(site.read("{method: direct, max_tokens: 9}").decoding).__module__ == "router.decoding.direct"


def test_an_unknown_name_is_answered_with_the_nearest_wherever_it_comes_from(site: Site) -> None:
    install_example(site)
    with pytest.raises(StrategyFileError, match=r"'second_though' is not known \(did you mean 'second_thought'\?\)"):
        site.read("{method: second_though, max_tokens: 9}")


def test_a_setting_is_refused_by_its_place(site: Site) -> None:
    install_example(site)
    with pytest.raises(StrategyFileError, match=r"strategies\[0\].decoding.max_tokens: is missing"):
        site.read("{method: second_thought}")


def test_a_method_that_may_write_without_end_is_refused(site: Site) -> None:
    endless = read_guide().replace('settings.tokens("max_tokens")', 'settings.count("max_tokens")')
    site.install("second-thought", endless, "second_thought = second_thought:read_second_thought")
    with pytest.raises(StrategyFileError, match=r"may write 2000000000000000000000 tokens for one task, of 1073741"):
        site.read("{method: second_thought, max_tokens: 1_000_000_000_000_000_000_000}")


def test_a_method_of_one_request_can_be_sampled_and_one_of_several_can_not(site: Site) -> None:
    code = "from router.decoding.direct import Direct, read_direct\nimport dataclasses\n"
    code += "@dataclasses.dataclass(frozen=True, kw_only=True)\nclass Mine(Direct):\n    name = 'mine'\n"
    code += "def read(settings):\n    return Mine(**vars(read_direct(settings)))\n"
    site.install("mine", code, "mine = mine:read")
    install_example(site)
    vote = "{method: self_consistency, n: 3, base: {method: %s, max_tokens: 9}}"
    answer, _ = converse(site.read(vote % "mine").decoding, ask("?"), say("a", "b", "b"))
    assert answer == "b"
    with pytest.raises(StrategyFileError, match=r"base\.method: second_thought asks several requests"):
        site.read(vote % "second_thought")
    own, ours = (site.read(f"{{method: {name}, max_tokens: 9}}") for name in ("mine", "direct"))
    named_alike = replace(own.decoding)  # type: ignore[type-var]  # a dataclass, which the protocol does not say
    type(named_alike).__name__ = "Direct"
    assert replace(own, decoding=named_alike).spec_hash != ours.spec_hash


def test_two_packages_with_one_name_are_both_named(site: Site) -> None:
    for name in ("one", "two"):
        site.install(name, "raise RuntimeError", f"twice = {name}:read")
    with pytest.raises(StrategyFileError, match=r"several packages bring it: .* of one 1.2 .* of two 1.2 .*: keep one"):
        site.read("{method: twice}")


BASE = """
import dataclasses
from router.decoding.one_request import OneRequest

@dataclasses.dataclass{frozen}
class Own:
    name = {name!r}
    description = "own"
    needs = {needs}
    settings: object

    def stages(self, task): return ()
    def ask(self, task): yield
    def max_output_tokens(self): return 1

class Once(OneRequest):
    name, description, needs = "own", "own", frozenset()
    def build(self, task): return None
    def extract(self, task, texts): return ""
    def max_output_tokens(self): return 1

@dataclasses.dataclass(frozen=True)
class Twice(Once):
    def ask(self, task): yield

def read(settings):
    return {returned}
"""
SOUND = {"frozen": "(frozen=True)", "name": "own", "needs": "frozenset()", "returned": "Own(1)"}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"returned": "None"}, "what it returned, NoneType, has no name, description, needs, stages, ask, max_output"),
        ({"returned": "Once()"}, "Once is no frozen dataclass"),
        ({"frozen": ""}, "Own is no frozen dataclass"),
        ({"name": "other"}, "its method is called 'other'"),
        ({"needs": "['regex']"}, r"its needs are no frozenset of capabilities: \['regex'\]"),
        ({"needs": "frozenset({'regex'})"}, "its needs are no frozenset of capabilities"),
        ({"returned": "Twice()"}, "a OneRequest that has its own ask or stages"),
        ({"returned": "Own(object())"}, "its settings are not plain values"),
        ({"returned": "settings.nothing"}, "AttributeError: 'Fields' object has no attribute 'nothing'"),
    ],
)
def test_what_is_no_decoding_method_is_refused(site: Site, fault: dict[str, str], message: str) -> None:
    site.install("own", BASE.format(**SOUND), "own = own:read")
    assert site.read("{method: own}").decoding.name == "own"
    del sys.modules["own"]
    (site.folder / "own.py").write_text(BASE.format(**(SOUND | fault)) + " " * 99)  # another size, for the cache
    with pytest.raises(StrategyFileError, match=f"entry point own = own:read of own 1.2 .* can not be used: {message}"):
        site.read("{method: own}")
