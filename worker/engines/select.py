"""Chooses what runs a model."""

from pathlib import Path

from router.strategy import EngineKind, EngineSpec
from worker.engines.echo_engine import EchoEngine
from worker.engines.errors import EngineMisconfigured
from worker.engines.openai_engine import OpenAIEngine
from worker.engines.prompt_bound import PromptBound
from worker.engines.prompt_counter import PromptCounter
from worker.engines.protocol import Engine
from worker.engines.transformers_engine import TransformersEngine
from worker.engines.vllm_engine import VllmEngine
from worker.engines.vllm_runtime import import_vllm
from worker.weights import ModelFolder


def make_engine(
    spec: EngineSpec,
    *,
    folder: ModelFolder | None = None,
    counter: PromptCounter | PromptBound | None = None,
    log_dir: Path | None = None,
    threads: int = 1,
    api_key: str | None = None,
) -> Engine:
    """The engine that a spec asks for, not started. A local one needs its model's folder and exact prompt counter.

    vLLM's own process writes to a file in `log_dir`; without one, its errors and warnings appear on the terminal.

    `local` means vLLM where it can be imported and transformers elsewhere; the engine's identity says why. To find out,
    vLLM is imported here: that blocks for 7 s the first time, so call this in a thread where something else waits.
    """
    if spec.kind is EngineKind.OPENAI:
        return OpenAIEngine(spec, api_key=api_key)
    if spec.kind is EngineKind.ECHO:
        return EchoEngine(spec)
    if folder is None or not isinstance(counter, PromptCounter):
        raise EngineMisconfigured(f"engine {spec.name} runs here and needs its model's folder and prompt counter")
    vllm_missing = _find_vllm_fault(threads) if spec.kind is EngineKind.LOCAL else ""
    if spec.kind is EngineKind.VLLM or (spec.kind is EngineKind.LOCAL and not vllm_missing):
        because = "the strategy file asks for vLLM" if spec.kind is EngineKind.VLLM else "vLLM is installed"
        return VllmEngine(
            spec, folder=folder, counter=counter, log_dir=log_dir, threads=threads, chosen_because=because
        )
    because = vllm_missing or "the strategy file asks for transformers"
    return TransformersEngine(spec, folder=folder, counter=counter, threads=threads, chosen_because=because)


def _find_vllm_fault(threads: int) -> str:
    """Why vLLM can not serve here, or ""."""
    try:
        import_vllm(threads=threads)
    except EngineMisconfigured as error:
        return str(error)
    return ""
