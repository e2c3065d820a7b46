"""The fallback where vLLM is not installed: transformers in this process, batching whatever waits."""

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from router.generation import Capability, Completion, GenerationRequest
from router.strategy import EngineSpec
from worker.engines.admission import refuse_overlong, refuse_unsupported
from worker.engines.answer import Answer
from worker.engines.errors import EngineMisconfigured, EngineNotStarted, EngineUnavailable
from worker.engines.grammars import GrammarCompiler, grammar_capabilities
from worker.engines.identity import EngineIdentity, read_cpu_model
from worker.engines.load import EngineLoad
from worker.engines.options import read_local_options
from worker.engines.prompt_counter import PromptCounter
from worker.engines.static_batch import PromptAnswers, StaticBatch
from worker.weights import ModelFolder

BATCH_ROWS = 32
GATHER_SECONDS = 0.02  # how long the first request of a batch waits for company


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A request on its way to the model's thread, and where its answers go."""

    request: GenerationRequest
    prompt_ids: list[int]
    compiled_grammar: Any
    completion: "Future[Completion]"


class TransformersEngine:
    """Decodes in a thread of its own: a batch is gathered, decoded to its end, and only then the next one begins."""

    instant = False

    def __init__(
        self,
        spec: EngineSpec,
        *,
        folder: ModelFolder,
        counter: PromptCounter,
        threads: int = 1,
        chosen_because: str = "",
    ) -> None:
        self.name = spec.name
        self.capabilities = grammar_capabilities() | {
            Capability.SAMPLES,
            Capability.LOGPROBS,
            Capability.CONTINUATION,
        }
        options = read_local_options(spec)
        self._options = options.settings
        self._device = f"cuda:{options.gpus[0]}" if options.gpus else "cuda"  # where there is one
        self._dtype = ""
        self.concurrency = int(str(self._options.get("max_num_seqs", BATCH_ROWS)))
        self._folder = folder
        self._counter = counter
        self._threads = threads
        self._chosen_because = chosen_because
        self._context_tokens = min(spec.max_model_len or folder.context_tokens, folder.context_tokens)
        self._arrivals: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._model: Any = None
        self._grammars: GrammarCompiler | None = None
        self._stop_ids: frozenset[int] = frozenset()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Load the model and begin to serve."""
        await asyncio.to_thread(self._load)
        self._thread = threading.Thread(target=self._serve, name=f"engine-{self.name}", daemon=True)
        self._thread.start()

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one request. Cancelling it frees its place at the next token."""
        if self._thread is None:
            raise EngineNotStarted(f"engine {self.name} is not started")
        refuse_unsupported(request, self.capabilities, engine=self.name)
        prompt_ids = self._counter.encode(request.messages)
        refuse_overlong(request, prompt_tokens=len(prompt_ids), context_tokens=self._context_tokens)
        compiled = None
        if request.grammar is not None and self._grammars is not None:
            compiled = self._grammars.compile(request.grammar)
        waiting = Waiting(request=request, prompt_ids=prompt_ids, compiled_grammar=compiled, completion=Future())
        self._arrivals.put(waiting)
        return await asyncio.wrap_future(waiting.completion)

    async def stop(self) -> None:
        """End the thread at its next token and free the model."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._arrivals.put(None)
            await asyncio.to_thread(thread.join)
        self._model = None

    def load(self) -> EngineLoad:
        """As many requests as it takes at a time."""
        return EngineLoad(places=self.concurrency)

    def identity(self) -> EngineIdentity:
        """The installed versions, the device and the weights."""
        import torch

        return EngineIdentity(
            kind="transformers",
            package="transformers",
            version=version("transformers"),
            torch_version=torch.__version__,
            device=self._device.partition(":")[0],
            processor=read_cpu_model() if self._device == "cpu" else torch.cuda.get_device_name(self._device),
            dtype=self._dtype,
            model=self._folder.model,
            content_hash=self._folder.content_hash,
            chosen_because=self._chosen_because,
        )

    def _load(self) -> None:
        try:
            import torch
            from transformers import AutoModelForCausalLM
            from transformers.utils import logging as transformers_logging

            transformers_logging.disable_progress_bar()
            self._device = self._device if torch.cuda.is_available() else "cpu"
            dtype = self._options.get("dtype", "float32" if self._device == "cpu" else "auto")  # the reasons are vLLM's
            model = AutoModelForCausalLM.from_pretrained(self._folder.path, dtype=dtype, local_files_only=True)
            self._model = model.to(self._device).eval()
            self._dtype = str(model.dtype).removeprefix("torch.")
        except Exception as error:  # each model's own code runs here
            raise EngineMisconfigured(f"transformers could not load {self._folder.path}: {error}") from error
        self._stop_ids = _read_stop_ids(self._model.generation_config, self._counter.tokenizer)
        if grammar_capabilities():
            self._grammars = GrammarCompiler(
                self._counter.tokenizer, vocabulary_size=self._model.config.vocab_size, stop_ids=sorted(self._stop_ids)
            )

    def _serve(self) -> None:
        import torch

        torch.set_num_threads(self._threads)
        while not self._stopping.is_set():
            batch = self._gather()
            try:
                self._answer(batch)
            except Exception as error:  # out of memory, or a model's own bug: the next batch may fare better
                _fail(batch, EngineUnavailable(f"engine {self.name} failed on a batch: {error!r}", charged=True))
        while not self._arrivals.empty():
            if (waiting := self._arrivals.get()) is not None:
                _fail([waiting], EngineUnavailable(f"engine {self.name} was stopped"))

    def _gather(self) -> list[Waiting]:
        """Wait for one request, then take what else has arrived, up to a full batch. Empty when the engine stops."""
        batch: list[Waiting] = []
        seconds_left: float | None = None
        while sum(waiting.request.n for waiting in batch) < self.concurrency:
            try:
                waiting = self._arrivals.get(timeout=seconds_left)
            except queue.Empty:
                break
            if waiting is None:
                break
            if not batch:
                deadline = time.monotonic() + GATHER_SECONDS
            batch.append(waiting)
            seconds_left = max(0.0, deadline - time.monotonic())
        return [waiting for waiting in batch if not waiting.completion.cancelled()]

    def _answer(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        prompts = [PromptAnswers(waiting.prompt_ids, self._begin_answers(waiting)) for waiting in batch]
        owner = {
            answer: (waiting, prompt.answers)
            for waiting, prompt in zip(batch, prompts, strict=True)
            for answer in prompt.answers
        }
        StaticBatch(self._model, prompts).decode(
            is_wanted=lambda answer: not (self._stopping.is_set() or owner[answer][0].completion.cancelled()),
            on_end=lambda answer: _resolve_if_complete(*owner[answer]),
        )
        _fail(batch, EngineUnavailable(f"engine {self.name} was stopped", charged=True))  # whoever has no answer yet

    def _begin_answers(self, waiting: Waiting) -> list[Answer]:
        compiled, grammars = waiting.compiled_grammar, self._grammars
        return [
            Answer(
                waiting.request,
                sample=sample,
                tokenizer=self._counter.tokenizer,
                stop_ids=self._stop_ids,
                constraint=grammars.follow(compiled) if compiled is not None and grammars is not None else None,
            )
            for sample in range(waiting.request.n)
        ]


def _resolve_if_complete(waiting: Waiting, answers: Sequence[Answer]) -> None:
    if not all(answer.finish_reason for answer in answers):
        return
    completion = Completion(
        texts=tuple(answer.text for answer in answers),
        finish_reasons=tuple(answer.finish_reason for answer in answers),
        prompt_tokens=len(waiting.prompt_ids),
        output_tokens=sum(len(answer.ids) for answer in answers),
        logprobs=() if waiting.request.likeliest is None else tuple(tuple(answer.logprobs) for answer in answers),
    )
    with suppress(InvalidStateError):  # cancelled in this very moment
        waiting.completion.set_result(completion)


def _fail(batch: list[Waiting], error: EngineUnavailable) -> None:
    for waiting in batch:
        with suppress(InvalidStateError):
            waiting.completion.set_exception(error)


def _read_stop_ids(generation_config: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer: a model may declare several, and its tokenizer one more."""
    declared = generation_config.eos_token_id
    ids = declared if isinstance(declared, list) else [declared]
    return frozenset(token_id for token_id in (*ids, tokenizer.eos_token_id) if token_id is not None)
