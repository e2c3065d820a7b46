"""vLLM in process: AsyncLLM with continuous batching, one request a task. Its model runs in a process of its own."""

import asyncio
import itertools
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from router.generation import Capability, Completion, GenerationRequest, Grammar, TokenLogprobs
from router.strategy import EngineSpec
from worker.engines.adapters import Adapter, adapter_settings, describe_adapters, find_adapters
from worker.engines.admission import refuse_overlong, refuse_unsupported
from worker.engines.errors import (
    EngineDied,
    EngineError,
    EngineMisconfigured,
    EngineNotStarted,
    EngineUnavailable,
    PromptRefused,
)
from worker.engines.identity import EngineIdentity, read_cpu_model
from worker.engines.load import EngineLoad
from worker.engines.options import read_local_options
from worker.engines.prompt_counter import PromptCounter
from worker.engines.vllm_death import describe_death, find_reason, measure_log
from worker.engines.vllm_runtime import import_vllm, start_async_llm
from worker.weights import ModelFolder

STOP_SECONDS = 5.0  # for the engine's process to end by itself; then it is killed


class VllmEngine:
    """An engine on vLLM's CUDA or CPU build, whichever is installed."""

    capabilities = frozenset(Capability)
    instant = False

    def __init__(
        self,
        spec: EngineSpec,
        *,
        folder: ModelFolder,
        counter: PromptCounter,
        log_dir: Path | None = None,
        threads: int = 1,
        chosen_because: str = "",
    ) -> None:
        self.name = spec.name
        self._spec = spec
        self._options = read_local_options(spec)
        self._folder = folder
        self._counter = counter
        self._adapters = {own.name: own for own in find_adapters(self._options.adapters, engine=spec.name)}
        self._log_path = log_dir / f"engine-{spec.name}.log" if log_dir is not None else None
        self._log_start = 0
        self._threads = threads
        self._chosen_because = chosen_because
        self._request_numbers = itertools.count()
        self._device = self._dtype = ""
        self._llm: Any = None
        self._context_tokens = 0
        self.concurrency = 1  # until `start` knows

    async def start(self) -> None:
        """Import vLLM and load the model, in a thread: the event loop goes on. Start on the loop that will generate."""
        if self._log_path is not None:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = measure_log(self._log_path)
        self._device = await asyncio.to_thread(import_vllm, threads=self._threads)
        adapters = list(self._adapters.values())
        self._llm = await asyncio.to_thread(
            start_async_llm,
            self._folder.path,
            device=self._device,
            max_model_len=self._spec.max_model_len,
            options={**self._options.settings, **adapter_settings(adapters, device=self._device)},
            gpus=self._options.gpus,
            log_path=self._log_path,
        )
        try:  # a round trip, which starts vLLM's reader on this loop: else a death before the first answer goes unseen
            await self._llm.get_supported_tasks()
        except Exception as error:
            raise self._died(self._llm) from error
        await self._load_adapters()
        self._dtype = str(self._llm.vllm_config.model_config.dtype).removeprefix("torch.")
        self._context_tokens = self._llm.vllm_config.model_config.max_model_len
        self.concurrency = self._llm.vllm_config.scheduler_config.max_num_seqs

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one request. Cancelling it aborts it in the engine."""
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError

        llm = self._llm
        if llm is None:
            raise EngineNotStarted(f"engine {self.name} is not started")
        if llm.errored:
            raise self._died(llm, charged=False)  # before anything of this request was asked
        refuse_unsupported(request, self.capabilities, engine=self.name)
        prompt_ids = self._counter.encode(request.messages)
        refuse_overlong(request, prompt_tokens=len(prompt_ids), context_tokens=self._context_tokens)
        try:
            output = await self._run(prompt_ids, request)
        except EngineError:
            raise
        except VLLMClientError as error:
            raise PromptRefused(f"engine {self.name} refused the request: {error}") from error
        except EngineDeadError as error:
            raise self._died(llm) from error
        except Exception as error:  # the rest of vLLM's tree, and bugs in it
            raise EngineUnavailable(f"engine {self.name} failed: {error!r}", charged=True) from error
        return _read_completion(output, request=request)

    async def stop(self) -> None:
        """Stop the engine's process and wait until it is gone."""
        llm, self._llm = self._llm, None
        if llm is None:
            return
        if llm.output_handler is not None:
            llm.output_handler.cancel()  # else it takes the end of the process for a death, and says so at length
        await asyncio.to_thread(_shut_down, llm)
        llm.engine_core.resources.ctx.destroy(linger=0)  # vLLM leaves this to the garbage collector

    def load(self) -> EngineLoad:
        """As many requests as it takes at a time."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """The installed build, the device and the weights."""
        import torch
        import vllm
        from vllm.platforms import current_platform

        return EngineIdentity(
            kind="vllm",
            package=packages_distributions()["vllm"][0],  # "vllm" or a CPU build under another name
            version=vllm.__version__,
            torch_version=torch.__version__,
            device=self._device,
            processor=read_cpu_model() if self._device == "cpu" else current_platform.get_device_name(),
            dtype=self._dtype,
            model=self._folder.model,
            content_hash=self._folder.content_hash,
            chosen_because=self._chosen_because,
            quantization=str(self._options.settings.get("quantization", "")),
            adapters=describe_adapters(list(self._adapters.values())),
        )

    async def _load_adapters(self) -> None:
        """All at the start: one that can not be read is nothing for its first task to find out."""
        for adapter in self._adapters.values():
            try:
                await self._llm.add_lora(_lora_request(adapter))
            except Exception as error:  # of whatever type the engine's process raised it
                raise EngineMisconfigured(
                    f"adapter {adapter.name} of engine {self.name} can not be loaded from {adapter.folder}: {error}"
                ) from error

    def _find_adapter(self, name: str | None) -> Any:
        if name is None:
            return None
        if name not in self._adapters:
            raise PromptRefused(f"engine {self.name} has no adapter {name}")
        return _lora_request(self._adapters[name])

    def _died(self, llm: Any, *, charged: bool = True) -> EngineDied:
        """Also when it has been stopped since, as for another request that found it dead."""
        processes = llm.engine_core.resources.engine_manager.processes
        logged = find_reason(self._log_path, self._log_start)
        reason = describe_death([process.exitcode for process in processes], logged=logged)
        return EngineDied(
            f"the process of engine {self.name} died: {reason} (its log: {self._log_path})", charged=charged
        )

    async def _run(self, prompt_ids: list[int], request: GenerationRequest) -> Any:
        """The one output that a request with FINAL_ONLY yields."""
        from vllm.inputs import TokensPrompt

        prompt = TokensPrompt(prompt_token_ids=prompt_ids)
        request_id = f"{self.name}-{next(self._request_numbers)}"
        settings, adapter = _sampling_params(request), self._find_adapter(request.adapter)
        async for output in self._llm.generate(prompt, settings, request_id=request_id, lora_request=adapter):
            if output.finished:
                return output
        raise EngineUnavailable(f"engine {self.name} ended request {request_id} without an answer", charged=True)


def _lora_request(adapter: Adapter) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(adapter.name, adapter.number, str(adapter.folder))


def _shut_down(llm: Any) -> None:
    processes = list(llm.engine_core.resources.engine_manager.processes)
    llm.shutdown(timeout=STOP_SECONDS)
    for process in processes:
        process.join(STOP_SECONDS)  # vLLM may kill it without waiting, which leaves a zombie


def _sampling_params(request: GenerationRequest) -> Any:
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(
        n=request.n,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=list(request.stop),
        max_tokens=request.max_tokens,
        structured_outputs=None if request.grammar is None else _structured_outputs(request.grammar),
        logprobs=request.likeliest,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _structured_outputs(grammar: Grammar) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    match grammar.kind:
        case Capability.CHOICE:
            return StructuredOutputsParams(choice=list(grammar.choices))
        case Capability.REGEX:
            return StructuredOutputsParams(regex=grammar.pattern)
        case Capability.JSON_SCHEMA:
            return StructuredOutputsParams(json=grammar.schema)
    raise PromptRefused(f"{grammar.kind} is not a kind of grammar")


def _read_completion(output: Any, *, request: GenerationRequest) -> Completion:
    # vLLM counts for the sample that ended last, whose prompt the others had just put in the cache.
    cached = output.num_cached_tokens if request.n == 1 else None
    likeliest = request.likeliest
    return Completion(
        texts=tuple(sample.text for sample in output.outputs),
        finish_reasons=tuple(str(sample.finish_reason) for sample in output.outputs),
        prompt_tokens=len(output.prompt_token_ids),
        output_tokens=sum(len(sample.token_ids) for sample in output.outputs),
        cached_prompt_tokens=cached or 0,
        logprobs=() if likeliest is None else tuple(_read_logprobs(sample, likeliest) for sample in output.outputs),
    )


def _read_logprobs(sample: Any, likeliest: int) -> tuple[TokenLogprobs, ...]:
    """vLLM names the chosen token and the likeliest ones, of which it may be one."""
    return tuple(
        TokenLogprobs(
            chosen=named[token_id].logprob,
            likeliest=tuple(sorted((one.logprob for one in named.values()), reverse=True)[:likeliest]),
        )
        for token_id, named in zip(sample.token_ids, sample.logprobs, strict=True)
    )
