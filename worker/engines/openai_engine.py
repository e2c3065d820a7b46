"""Any server that speaks OpenAI's chat completions over HTTP, such as vLLM's own."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from router.generation import PLAIN_ROLE, Capability, Completion, GenerationRequest, Grammar
from router.strategy import EngineSpec
from worker.engines.admission import refuse_unsupported
from worker.engines.errors import EngineMisconfigured, EngineUnavailable, PromptRefused
from worker.engines.identity import EngineIdentity
from worker.engines.openai_reply import raise_for_status, read_completion, read_json
from worker.engines.options import read_server_options

CONNECT_SECONDS = 10.0


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
        self._spec = spec
        self._base_url = spec.base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._timeout_seconds = options.timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        """Open the connection pool and see that the server has the model, where it can be asked."""
        self._client = httpx.AsyncClient(
            headers=self._headers,
            timeout=httpx.Timeout(self._timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=self.concurrency),
        )
        reply = await self._send("GET", "/models")
        if reply.status_code == httpx.codes.NOT_FOUND:
            return  # not every server lists its models
        raise_for_status(reply, engine=self.name)
        served = _read_model_names(read_json(reply, engine=self.name))
        if served and self._spec.model not in served:
            raise EngineMisconfigured(
                f"the server of engine {self.name} has no model {self._spec.model}; it serves {', '.join(served)}"
            )

    async def generate(self, request: GenerationRequest) -> Completion:
        """Answer one request with the usage that the server states. UsageMissing where it states none.

        Cancelling closes the connection, at which vLLM's server stops generating.
        """
        refuse_unsupported(request, self.capabilities, engine=self.name)
        path = "/completions" if _is_plain(request) else "/chat/completions"
        reply = await self._send("POST", path, self._build_body(request))
        raise_for_status(reply, engine=self.name)
        answer = read_json(reply, engine=self.name)
        return read_completion(answer, samples=request.n, likeliest=request.likeliest, engine=self.name)

    async def stop(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def identity(self) -> EngineIdentity:
        """What is known of a server from outside."""
        return EngineIdentity(
            kind="openai",
            package=self._base_url,
            version="",
            torch_version="",
            device="remote",
            processor="",
            dtype="",
            model=self._spec.model,
            content_hash="",
            chosen_because="the strategy file names this server",
        )

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """One HTTP exchange; never repeated here, because each repetition could cost again."""
        if self._client is None:
            raise EngineUnavailable(f"engine {self.name} is not started")
        try:
            return await self._client.request(method, self._base_url + path, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EngineMisconfigured(f"engine {self.name} has no valid base_url: {error}") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise EngineUnavailable(f"engine {self.name} can not reach {self._base_url}: {error!r}") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            may_have_answered = body is not None
            raise EngineUnavailable(
                f"engine {self.name} lost a request: {error!r}", charged=may_have_answered
            ) from error

    def _build_body(self, request: GenerationRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._spec.model,
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
