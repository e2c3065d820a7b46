"""Adapters: found on disk, fitted into vLLM's settings, and answering beside the model's own weights."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save_file

from router.generation import Completion, GenerationRequest, Message
from router.strategy import EngineKind
from tests.worker.engines.conftest import local_spec
from tests.worker.engines.engine_loop import EngineLoop
from worker.engines.adapters import CONFIG_FILE, adapter_settings, describe_adapters, find_adapters
from worker.engines.errors import EngineMisconfigured, MissingWeights, PromptRefused
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine
from worker.engines.vllm_engine import VllmEngine
from worker.weights import ModelFolder

HELLO = GenerationRequest(messages=(Message(role="user", content="What is the capital of France?"),), max_tokens=12)


def write_config(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_FILE).write_text(json.dumps({"r": 8, **config}))
    return folder


def test_adapters_are_numbered_with_their_ranks(tmp_path: Path) -> None:
    folders = {"a": str(write_config(tmp_path / "a")), "b": str(write_config(tmp_path / "b", r=20))}
    first, second = find_adapters(folders, engine="small")
    assert (first.name, first.number, first.rank, first.folder) == ("a", 1, 8, tmp_path / "a")
    assert (second.number, second.rank) == (2, 20)
    assert adapter_settings([first, second], device="cuda") == {
        "enable_lora": True, "max_loras": 2, "max_lora_rank": 32
    }  # fmt: skip
    assert adapter_settings([first], device="cpu")["max_loras"] == 2  # one place more than there are adapters
    assert adapter_settings([], device="cpu") == {}


@pytest.mark.parametrize("file", ["adapter_model.safetensors", "adapter_model.bin", CONFIG_FILE])
def test_another_adapter_in_the_same_folder_is_told_apart(tmp_path: Path, file: str) -> None:
    folders = {"b": str(write_config(tmp_path / "b")), "a": str(write_config(tmp_path / "a"))}
    first = describe_adapters(find_adapters(folders, engine="small"))
    assert first == describe_adapters(find_adapters(dict(reversed(folders.items())), engine="small"))
    assert first.startswith("a ")
    (tmp_path / "b" / "README.md").write_text("says nothing of the weights")
    assert describe_adapters(find_adapters(folders, engine="small")) == first
    (tmp_path / "b" / file).write_text('{"r": 8, "lora_alpha": 32}')
    assert describe_adapters(find_adapters(folders, engine="small")) != first
    assert describe_adapters([]) == ""


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "give a folder with adapter_config.json and its weights"),
        ("no JSON", "give a folder with"),
        ("[]", "give a folder with"),
        ('{"lora_alpha": 16}', "give a folder with"),
        ('{"r": 0}', "has the rank 0"),
        ('{"r": "8"}', "has the rank '8'"),
    ],
)
def test_a_folder_without_an_adapter_is_named(tmp_path: Path, content: str | None, problem: str) -> None:
    if content is not None:
        (tmp_path / CONFIG_FILE).write_text(content)
    with pytest.raises(MissingWeights, match=rf"adapter sums of engine small .*{problem}"):
        find_adapters({"sums": str(tmp_path)}, engine="small")


def write_random_adapter(folder: Path, *, model: ModelFolder, seed: int) -> str:
    """An adapter that changes every answer: random matrices on queries and values of each layer."""
    config = json.loads((model.path / "config.json").read_text())
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    values = config["num_key_value_heads"] * hidden // config["num_attention_heads"]
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer in range(layers):
        for module, width in (("q_proj", hidden), ("v_proj", values)):
            place = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            tensors[f"{place}.lora_A.weight"] = torch.randn(8, hidden, generator=generator) / 10
            tensors[f"{place}.lora_B.weight"] = torch.randn(width, 8, generator=generator) / 10
    write_config(folder, peft_type="LORA", lora_alpha=16, target_modules=["q_proj", "v_proj"])
    save_file(tensors, folder / "adapter_model.safetensors")
    return str(folder)


@pytest.fixture(scope="module")
def adapted(
    engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("adapters")
    own = {name: write_random_adapter(home / name, model=folder, seed=seed) for seed, name in enumerate("ab")}
    spec = replace(local_spec(EngineKind.VLLM), name="adapted", options={"adapters": own})
    engine = VllmEngine(spec, folder=folder, counter=counter, log_dir=home)
    engine_loop.run(engine.start())
    yield engine
    engine_loop.run(engine.stop())


@pytest.mark.slow
def test_adapters_and_the_model_itself_answer_side_by_side_as_each_does_alone(
    adapted: Engine, engine_loop: EngineLoop, vllm_engine: Engine
) -> None:
    requests = [HELLO, msgspec.structs.replace(HELLO, adapter="a"), msgspec.structs.replace(HELLO, adapter="b")]
    alone = [engine_loop.run(adapted.generate(request)) for request in requests]
    assert alone[0] == engine_loop.run(vllm_engine.generate(HELLO))
    assert len({completion.texts for completion in alone}) == 3
    assert [named.split()[0] for named in adapted.identity().adapters.split(", ")] == ["a", "b"]
    assert "adapters" not in vllm_engine.identity().to_json()

    async def ask_all() -> list[Completion]:
        answers = await asyncio.gather(*map(adapted.generate, [*requests, *reversed(requests)]))
        return [msgspec.structs.replace(answer, cached_prompt_tokens=0) for answer in answers]

    assert engine_loop.run(ask_all()) == [*alone, *reversed(alone)]


@pytest.mark.slow
def test_an_adapter_that_was_not_declared_is_refused(adapted: Engine, engine_loop: EngineLoop) -> None:
    with pytest.raises(PromptRefused, match="engine adapted has no adapter c"):
        engine_loop.run(adapted.generate(msgspec.structs.replace(HELLO, adapter="c")))


@pytest.mark.slow
def test_an_adapter_that_can_not_be_loaded_is_named_at_the_start(
    engine_loop: EngineLoop, folder: ModelFolder, counter: PromptCounter, tmp_path: Path
) -> None:
    whole = write_random_adapter(tmp_path / "whole", model=folder, seed=1)
    broken = tmp_path / "broken"
    shutil.copytree(whole, broken)
    (broken / "adapter_model.safetensors").write_bytes(b"cut off")
    spec = replace(local_spec(EngineKind.VLLM), options={"adapters": {"whole": whole, "broken": str(broken)}})
    engine = VllmEngine(spec, folder=folder, counter=counter, log_dir=tmp_path)
    with pytest.raises(EngineMisconfigured, match=r"adapter broken of engine small-vllm can not be loaded"):
        engine_loop.run(engine.start())
    engine_loop.run(engine.stop())
