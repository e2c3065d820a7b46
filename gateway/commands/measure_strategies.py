"""`apportion strategies measure`: seconds and joules a token, from the engines of this machine into the tariff."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.commands.run import read_tasks_of
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.output_folder import check_output_folder, writing_output
from router.units import Unit
from worker.bootstrap import build_engine
from worker.measuring.engine_cost import EngineCost, count_accelerators, measure_engine
from worker.measuring.power import find_meter
from worker.measuring.prompts import PromptSet, make_prompts, split_prompts
from worker.measuring.tariff_text import MeasuredTariff, next_tariff, write_tariffs
from worker.pool import ServedModel, ServingPool, load_pool, read_strategy_file, read_strategy_text
from worker.settings import Settings, read_settings
from worker.task_line import parse_task_line


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says."""

    strategy_file: Path
    out: Path
    prompt_file: Path | None
    as_json: bool


def measure_strategies(console: Console, asked: Asked) -> ExitCode:
    """Nothing is written unless every engine of the file was measured."""
    settings = read_settings()
    pool = load_pool(asked.strategy_file, cache_directory=settings.cache_directory)
    if asked.out.is_dir():
        raise UsageError(f"--out {asked.out} is a folder; name the file to write")
    check_output_folder(asked.out.parent)
    own_prompts = _read_prompts(asked)
    costs = []
    for model in pool.models.values():
        if not asked.as_json:
            console.print(Text(f"measuring {model.spec.name} ({model.spec.model})"))
        costs.append(_measure(model, settings=settings, own_prompts=own_prompts))
    tariffs = _write(asked, pool, costs)
    if asked.as_json:
        console.print_json(json.dumps({"file": str(asked.out), "engines": list(map(_describe, costs, tariffs))}))
        return ExitCode.DONE
    console.print(_draw(costs, tariffs))
    console.print(Text(f"{asked.out}: written; the next command on it charges these prices"))
    for name, unit in _list_untouched(pool):
        console.print(Text(f"{name} declares a price of its own in {unit}, which stays"))
    return ExitCode.DONE


def _read_prompts(asked: Asked) -> PromptSet | None:
    if asked.prompt_file is None:
        return None
    tasks = read_tasks_of(asked.prompt_file, pool=read_strategy_file(asked.strategy_file))
    return split_prompts([parse_task_line(task.payload).prompt.messages for task in tasks])


def _measure(model: ServedModel, *, settings: Settings, own_prompts: PromptSet | None) -> EngineCost:
    accelerators = count_accelerators(model.spec)
    prompts: Callable[[int], PromptSet] = partial(make_prompts, context_tokens=model.context_tokens)
    return asyncio.run(
        measure_engine(
            build_engine(model, settings=settings),
            prompts=prompts if own_prompts is None else lambda _: own_prompts,
            find_meter=lambda identity: find_meter(model.spec, identity, accelerators=accelerators),
            accelerators=accelerators,
        )
    )


def _write(asked: Asked, pool: ServingPool, costs: Sequence[EngineCost]) -> list[MeasuredTariff]:
    """The tariffs, once they stand in the file; the file is there whole or as it was."""
    text = read_strategy_text(asked.strategy_file)
    engines = yaml.safe_load(text)["engines"]
    tariffs = [
        next_tariff(
            cost,
            declared=engines[cost.engine].get("tariff") or {},
            version=pool.models[cost.engine].spec.tariff.version,
            today=datetime.now(UTC).date(),
        )
        for cost in costs
    ]
    written = write_tariffs(text, {tariff.engine: tariff for tariff in tariffs}, source=str(asked.strategy_file))
    file = asked.out.resolve()  # a link goes on being one
    with writing_output(file.parent) as folder, folder.file(file.name) as stream:
        stream.write(written)
    return tariffs


def _describe(cost: EngineCost, tariff: MeasuredTariff) -> dict[str, Any]:
    return {
        "engine": cost.engine,
        "version": tariff.version,
        "seconds_per_prompt_token": cost.seconds.prompt,
        "seconds_per_output_token": cost.seconds.output,
        "fit_error": cost.seconds.fit_error,
        "accelerators": cost.accelerators,
        "watts": cost.watts,
        "power_source": cost.power_source,
        "identity": cost.identity.to_json(),
        "waves": [wave._asdict() for wave in cost.waves],
        "tariff": json.loads(json.dumps(tariff.section, default=str)),
    }


def _draw(costs: Sequence[EngineCost], tariffs: Sequence[MeasuredTariff]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("engine", no_wrap=True)
    for name in ("tariff", "ms a prompt token", "ms an output token", "fit error", "watts"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("power", overflow="fold")
    for cost, tariff in zip(costs, tariffs, strict=True):
        per_token = (f"{1e3 * cost.accelerators * seconds:.4g}" for seconds in cost.seconds[:2])
        error, watts = f"{100 * cost.seconds.fit_error:.0f}%", f"{cost.watts:.4g}"
        table.add_row(cost.engine, f"version {tariff.version}", *per_token, error, watts, cost.power_source)
    table.caption = "by the clock with the engine full, times its devices"
    return table


def _list_untouched(pool: ServingPool) -> list[tuple[str, Unit]]:
    """Strategies whose own price in a measured unit stands before their engine's."""
    return [
        (priced.strategy.name, unit)
        for priced in pool.strategies
        for unit in (Unit.GPU_SECONDS, Unit.JOULES)
        if priced.strategy.tariff.prices.get(unit) != priced.strategy.engine.tariff.prices.get(unit)
    ]
