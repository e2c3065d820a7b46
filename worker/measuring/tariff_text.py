"""Puts measured prices into a strategy file and leaves every other character as its owner wrote it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import yaml

from router.declared_tariff import parse_declared_tariff
from router.errors import StrategyFileError
from router.units import Unit
from worker.measuring.engine_cost import EngineCost

KEY = "tariff"
TOKENS = 10**6  # that a price is stated for

Section = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class MeasuredTariff:
    """The next version of an engine's tariff: what was measured, with what else the file declares."""

    engine: str
    version: int
    section: Section


class _Edit(NamedTuple):
    start: int  # in characters of the file
    end: int
    text: str


def next_tariff(cost: EngineCost, *, declared: Mapping[str, object], version: int, today: date) -> MeasuredTariff:
    """The section to write over an engine's declared one, as version `version` + 1."""
    origin = {"date": today, "machine": _describe_machine(cost)}
    sources = {Unit.GPU_SECONDS: _describe_seconds(cost), Unit.JOULES: _describe_joules(cost)}
    kept = {name: value for name, value in declared.items() if name not in {"version", *sources}}
    section: Section = {"version": version + 1, **kept}
    for unit, factor in ((Unit.GPU_SECONDS, float(cost.accelerators)), (Unit.JOULES, cost.watts)):
        section[str(unit)] = {
            "prompt_per_mtok": _round(cost.seconds.prompt * factor * TOKENS),
            "output_per_mtok": _round(cost.seconds.output * factor * TOKENS),
            "source": sources[unit],
            **origin,
        }
    return MeasuredTariff(engine=cost.engine, version=version + 1, section=section)


def write_tariffs(text: str, tariffs: Mapping[str, MeasuredTariff], *, source: str) -> str:
    """The file's text with these engines' tariffs; StrategyFileError where it is written in a way we do not edit."""
    engines = _find_value(yaml.compose(text, yaml.SafeLoader), "engines")
    edits = [_edit(text, _find_value(engines, name), tariff) for name, tariff in tariffs.items()]
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    _check_written(text, tariffs, source=source)
    return text


def _find_value(node: yaml.Node | None, key: str) -> yaml.Node:
    assert isinstance(node, yaml.MappingNode), "the file was read before"
    values: dict[str, yaml.Node] = {name.value: value for name, value in node.value}
    return values[key]


def _edit(text: str, engine: yaml.Node, tariff: MeasuredTariff) -> _Edit:
    assert isinstance(engine, yaml.MappingNode), "the file was read before"
    for key, value in engine.value:
        if key.value == KEY:
            block = not engine.flow_style
            new = _render_block(tariff.section, indent=key.start_mark.column) if block else _render_flow(tariff.section)
            return _Edit(key.start_mark.index, _last_character(value), new)
    if engine.flow_style:
        start = text.index("{", engine.start_mark.index) + 1
        return _Edit(start, start, f"{_render_flow(tariff.section)}, ")
    # `kind` is a plain word, so that its line holds nothing else but perhaps a comment.
    kind = next(key for key, _ in engine.value if key.value == "kind")
    line_end = text.find("\n", kind.start_mark.index)
    start = len(text) if line_end < 0 else line_end
    indent = kind.start_mark.column
    return _Edit(start, start, f"\n{' ' * indent}{_render_block(tariff.section, indent=indent)}")


def _last_character(node: yaml.Node) -> int:
    """Where a node ends: a block's own mark lies behind the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last_character(node.value[-1][1])
    return int(node.end_mark.index)


def _render_block(section: Section, *, indent: int) -> str:
    lines = [f"{name}: {_render_value(value)}" for name, value in section.items()]
    return "\n".join([f"{KEY}:", *(f"{' ' * (indent + 2)}{line}" for line in lines)])


def _render_flow(section: Section) -> str:
    return f"{KEY}: {_render_value(section)}"


def _render_value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_render_value(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _check_written(text: str, tariffs: Mapping[str, MeasuredTariff], *, source: str) -> None:
    """Anchors and merged keys can make an edit mean something else: then nothing is written."""
    try:
        engines = yaml.safe_load(text)["engines"]
        written = {name: parse_declared_tariff(engines[name][KEY]) for name in tariffs}
    except (yaml.YAMLError, KeyError, TypeError):
        written = {}
    for name, tariff in tariffs.items():
        if written.get(name) != parse_declared_tariff(tariff.section):
            raise StrategyFileError(
                f"{source}: engines.{name}.{KEY}: is written in a way that can not be edited; put there yourself: "
                f"{_render_value(tariff.section)}"
            )


def _describe_seconds(cost: EngineCost) -> str:
    what = {
        "cpu": "seconds of the engine's share of the processor (no GPU)",
        "cuda": "seconds of a GPU",
    }.get(cost.identity.device, "seconds of the engine, as seen from here")
    full = max(wave.requests for wave in cost.waves)
    error = f"fit error {100 * cost.seconds.fit_error:.0f}% over {len(cost.waves)} waves"
    return f"apportion strategies measure: {what}, {full} requests at once, {error}"


def _describe_joules(cost: EngineCost) -> str:
    return f"apportion strategies measure: those seconds at {cost.watts:.4g} W, {cost.power_source}"


def _describe_machine(cost: EngineCost) -> str:
    own = cost.identity
    number = f"{cost.accelerators} x " if cost.accelerators > 1 else ""
    build = " ".join(part for part in (own.package, own.version, own.dtype) if part)
    return ", ".join(part for part in (f"{number}{own.processor}", build) if part)


def _round(price: float) -> Decimal:
    """Six digits, more than any measurement is worth, and none of a double's tail."""
    return Decimal(f"{price:.6g}")
