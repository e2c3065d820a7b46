"""Any server that speaks OpenAI's chat completions over HTTP, such as vLLM's own."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from router.generation import PLAIN_ROLE, Capability, Completion, GenerationRequest, Grammar
from router.strategy import EngineSpec
from worker.engines.admission import refuse_unsupported
from worker.engines.errors import EngineMisconfigured, PromptRefused
from worker.engines.identity import EngineIdentity
from worker.engines.load import EngineLoad
from worker.engines.openai_reply import raise_for_status, read_completion, read_json
from worker.engines.openai_stream import StreamedReply
from worker.engines.options import read_server_options
from worker.engines.protocol import OnText
from worker.engines.server_connection import ServerConnection
from worker.engines.server_watch import ServerWatch
from worker.engines.turnstile import Turnstile

BYTES_BESIDES = 1 << 20  # of a reply, beside the texts: more is not read
BYTES_PER_TOKEN = 8 << 10  # long tokens in JSON's escapes, with the log-probabilities of their alternatives


class OpenAIEngine:
    """A remote engine. What a server can do beyond several samples is declared in the spec's option `capabilities`."""

    instant = False

    def __init__(self, spec: EngineSpec, *, api_key: str | None = None) -> None:
        options = read_server_options(spec)
        if spec.base_url is None:
            raise EngineMisconfigured(f"engine {spec.name} has no base_url")
        self.name = spec.name
        self.capabilities = options.capabilities
        self.concurrency = options.concurrency
        self._adapters = options.adapters
        self._spec = spec
        self._connection = ServerConnection(
            spec.base_url,
            engine=spec.name,
            api_key=api_key,
            timeout_seconds=options.timeout_seconds,
            most_connections=options.concurrency + 1,  # one is the watch's
        )
        self._turnstile = Turnstile(most=options.concurrency, timeout_seconds=options.timeout_seconds)
        self._watch = ServerWatch(self._connection, on_load=lambda load: self._turnstile.note_queue(load.waiting))

    async def start(self) -> None:
        """Open the connection pool and see that the server has the model, where it can be asked."""
        self._connection.open()
        reply = await self._connection.send("GET", self._url("/models"), most_bytes=BYTES_BESIDES)
        if reply.status_code != httpx.codes.NOT_FOUND:  # not every server lists its models
            raise_for_status(reply, engine=self.name)
            self._check_served(_read_model_names(read_json(reply, engine=self.name)))
        self._watch.start()

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one request with the usage that the server states. UsageMissing where it states none that can be true.

        Cancelling closes the connection, at which vLLM's server stops generating.
        """
        return await self._ask(request, self._build_body(request), events=None)

    async def stream(self, request: GenerationRequest, *, on_text: OnText) -> Completion:
        """The same, told as the server writes it."""
        body = self._build_body(request) | {"stream": True, "stream_options": {"include_usage": True}}
        return await self._ask(request, body, events=StreamedReply(on_text, engine=self.name))

    async def _ask(
        self, request: GenerationRequest, body: Mapping[str, Any], *, events: StreamedReply | None
    ) -> Completion:
        refuse_unsupported(request, self.capabilities, engine=self.name)
        if request.adapter is not None and request.adapter not in self._adapters:
            raise PromptRefused(f"engine {self.name} has no adapter {request.adapter}")
        url = self._url("/completions" if _is_plain(request) else "/chat/completions")
        most_bytes = BYTES_BESIDES + BYTES_PER_TOKEN * request.max_output_tokens
        async with self._turnstile.passage():
            on_piece = None if events is None else events.read
            reply = await self._connection.send("POST", url, body, most_bytes=most_bytes, on_piece=on_piece)
            raise_for_status(reply, engine=self.name)
            told = None if events is None else events.put_together()  # None too where the server does not stream
            answer = read_json(reply, engine=self.name) if told is None else told
            return read_completion(answer, request=request, engine=self.name)

    async def stop(self) -> None:
        """Close the connections."""
        await self._watch.stop()
        await self._connection.close()

    def load(self) -> EngineLoad:
        """What the server takes of ours, and what it says of itself where it does."""
        server = self._watch.latest
        if server is None:
            return EngineLoad(places=self._turnstile.places)
        return EngineLoad(places=self._turnstile.places, **server._asdict())

    def identity(self) -> EngineIdentity:
        """What is known of a server from outside."""
        return EngineIdentity(
            kind="openai",
            package=self._connection.base_url,
            version="",
            torch_version="",
            device="remote",
            processor="",
            dtype="",
            model=self._spec.model,
            content_hash="",
            chosen_because="the strategy file names this server",
        )

    def _url(self, path: str) -> str:
        return self._connection.base_url + path

    def _check_served(self, served: Sequence[str]) -> None:
        for model in (self._spec.model, *self._adapters):
            if served and model not in served:
                raise EngineMisconfigured(
                    f"the server of engine {self.name} has no model {model}; it serves {', '.join(served)}"
                )

    def _build_body(self, request: GenerationRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": request.adapter or self._spec.model,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
        }
        if _is_plain(request):
            body |= {"prompt": request.messages[0].content, "logprobs": request.likeliest}
        else:
            body |= _build_chat(request)
        optional = {
            "top_p": request.top_p if request.top_p < 1.0 else None,
            "n": request.n if request.n > 1 else None,
            "seed": request.seed,
            "stop": list(request.stop) or None,
        }
        body = {name: value for name, value in (body | optional).items() if value is not None}
        return body | (_build_grammar(request.grammar) if request.grammar is not None else {})


def _is_plain(request: GenerationRequest) -> bool:
    """Whether the prompt is a text to go on writing, for which OpenAI's API has an older path of its own."""
    return request.messages[0].role == PLAIN_ROLE


def _build_chat(request: GenerationRequest) -> dict[str, Any]:
    """A conversation; to go on with its last turn is an extension of vLLM's."""
    chat: dict[str, Any] = {"messages": [{"role": turn.role, "content": turn.content} for turn in request.messages]}
    if request.messages[-1].role == "assistant":
        chat |= {"continue_final_message": True, "add_generation_prompt": False}
    if request.likeliest is not None:
        chat |= {"logprobs": True, "top_logprobs": request.likeliest}
    return chat


def _build_grammar(grammar: Grammar) -> dict[str, Any]:
    """OpenAI's own form for a schema, vLLM's for the rest."""
    match grammar.kind:
        case Capability.CHOICE:
            return {"structured_outputs": {"choice": list(grammar.choices)}}
        case Capability.REGEX:
            return {"structured_outputs": {"regex": grammar.pattern}}
    schema = {"name": "answer", "schema": _read_schema(grammar.schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def _read_model_names(body: Mapping[str, Any]) -> list[str]:
    models = body.get("data")
    return [str(model["id"]) for model in models if "id" in model] if isinstance(models, list) else []


def _read_schema(schema: str) -> object:
    try:
        parsed: object = json.loads(schema)
    except ValueError as error:
        raise PromptRefused(f"the JSON schema is no JSON: {error}") from error
    return parsed
