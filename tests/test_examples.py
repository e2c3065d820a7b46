"""The examples that the repository ships: whole, disjoint, and as their generator writes them."""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from examples.distributed_night import list_commands
from examples.make_night import CALIBRATION_PER_KIND, KINDS, NIGHT_PER_KIND, write_files
from router.strategy import EngineKind
from worker.pool import read_strategy_file
from worker.task_line import TaskLine, parse_task_line

CHECKOUT = Path(__file__).parent.parent
EXAMPLES = CHECKOUT / "examples"


def read_lines(name: str) -> list[tuple[str, TaskLine]]:
    payloads = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
    return [(json.loads(payload)["custom_id"], parse_task_line(payload)) for payload in payloads]


def count_kinds(lines: list[tuple[str, TaskLine]]) -> Counter[str]:
    return Counter(custom_id.split("-")[1] for custom_id, _ in lines)


def test_the_night_and_its_calibration_have_every_kind_and_no_task_in_common() -> None:
    night, calibration = read_lines("night.jsonl"), read_lines("calibration.jsonl")
    assert count_kinds(night) == dict.fromkeys(KINDS, NIGHT_PER_KIND)
    assert count_kinds(calibration) == dict.fromkeys(KINDS, CALIBRATION_PER_KIND)
    assert all(line.grader for _, line in night + calibration)
    questions = [{line.prompt.question for _, line in lines} for lines in (night, calibration)]
    assert not questions[0] & questions[1]
    assert len(questions[0]) == len(night)


def test_no_example_of_a_strategy_is_a_task() -> None:
    tasks = {line.prompt.question for name in ("night.jsonl", "calibration.jsonl") for _, line in read_lines(name)}
    for strategy in read_strategy_file(EXAMPLES / "strategies.yaml").strategies:
        assert not find_questions(strategy.decoding_spec) & tasks, strategy.name


def find_questions(settings: object) -> set[str]:
    """Every `user` text in a strategy's settings, also of a method that wraps another."""
    if isinstance(settings, Mapping):
        own = {settings["user"]} if "user" in settings else set()
        return own.union(*map(find_questions, settings.values()))
    return set().union(*map(find_questions, settings)) if isinstance(settings, list) else set()


def test_the_files_are_what_their_generator_writes(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name in ("night.jsonl", "calibration.jsonl"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), (
            f"run `python -m examples.make_night`: {name}"
        )


def test_concurs_pool_for_gpus_is_five_models_asked_in_two_ways() -> None:
    pool = read_strategy_file(EXAMPLES / "concur.yaml")
    assert len(pool.engines) == 5
    assert all(engine.kind is EngineKind.VLLM for engine in pool.engines.values())
    methods = Counter((strategy.engine.name, strategy.decoding.name) for strategy in pool.strategies)
    assert methods == {(name, method): 1 for name in pool.engines for method in ("direct", "chain_of_thought")}


def test_concurs_pool_fits_a_gpu_of_80_gb() -> None:
    engines = read_strategy_file(EXAMPLES / "concur.yaml").engines
    shares = {name: float(str(engine.options["gpu_memory_utilization"])) for name, engine in engines.items()}
    assert sum(shares.values()) <= 0.95
    for name, share in shares.items():
        weights_gb = 2 * float(name.rpartition("-")[2].removesuffix("b"))  # bfloat16
        assert 80 * share >= weights_gb + 4, name


def test_make_night_runs_what_make_run_runs() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\nrun: install")[2].partition("\n\n")[0].splitlines()[1:]
    strategies = re.search(r"^NIGHT := (.+)$", makefile, re.MULTILINE)
    assert strategies is not None
    expected = [sorted(line.replace("$(NIGHT)", strategies[1]).split()[1:]) for line in recipe]
    commands = list_commands(CHECKOUT / "examples" / "night.jsonl", out=Path("out") / "night")
    here = [[os.path.relpath(word, CHECKOUT) if Path(word).exists() else word for word in words] for words in commands]
    assert [sorted(words) for words in here] == expected
