"""Speaks OpenAI's API in front of a real engine, so that the HTTP engine meets the contract with real answers."""

import json
from typing import Any

from router.generation import PLAIN_ROLE, Capability, Completion, GenerationRequest, Grammar, Message, TokenLogprobs
from tests.worker.engines.stub_server import Reply, json_reply
from worker.engines.errors import EngineUnavailable, PromptRefused, UsageMissing
from worker.engines.protocol import Engine

MODEL = "small"


class EngineFront:
    """A handler for StubServer, with replies in the form that vLLM's server gives."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return json_reply({"object": "list", "data": [{"id": MODEL}]})
        try:
            completion = await self._engine.generate(_read_request(body))
        except PromptRefused as error:
            return json_reply({"error": {"message": str(error), "type": "BadRequestError", "code": 400}}, 400)
        except UsageMissing:
            return json_reply({"choices": []})
        except EngineUnavailable as error:
            status = 500 if error.charged else 503
            return json_reply({"error": {"message": str(error), "code": status}}, status)
        return json_reply(_write_completion(completion, plain=path == "/v1/completions"))


def _read_request(body: dict[str, Any]) -> GenerationRequest:
    assert body["model"] == MODEL
    turns = body.get("messages") or [{"role": PLAIN_ROLE, "content": body["prompt"]}]
    return GenerationRequest(
        messages=tuple(Message(**turn) for turn in turns),
        max_tokens=body["max_tokens"],
        temperature=body["temperature"],
        top_p=body.get("top_p", 1.0),
        n=body.get("n", 1),
        seed=body.get("seed"),
        stop=tuple(body.get("stop", ())),
        grammar=_read_grammar(body),
        likeliest=_read_likeliest(body),
    )


def _read_likeliest(body: dict[str, Any]) -> int | None:
    if "messages" in body:
        assert (body["messages"][-1]["role"] == "assistant") == body.get("continue_final_message", False)
        assert body.get("add_generation_prompt", True) != body.get("continue_final_message", False)
        return body["top_logprobs"] if body.get("logprobs") else None
    return body.get("logprobs")


def _read_grammar(body: dict[str, Any]) -> Grammar | None:
    if "response_format" in body:
        schema = json.dumps(body["response_format"]["json_schema"]["schema"])
        return Grammar(kind=Capability.JSON_SCHEMA, schema=schema)
    match body.get("structured_outputs"):
        case {"choice": choices}:
            return Grammar(kind=Capability.CHOICE, choices=tuple(choices))
        case {"regex": pattern}:
            return Grammar(kind=Capability.REGEX, pattern=pattern)
    return None


def _write_completion(completion: Completion, *, plain: bool) -> dict[str, Any]:
    logprobs = completion.logprobs or (None,) * len(completion.texts)
    samples = zip(completion.texts, completion.finish_reasons, logprobs, strict=True)
    return {
        "choices": [
            {"finish_reason": reason, "logprobs": _write_logprobs(tokens, plain=plain)}
            | ({"text": text} if plain else {"message": {"role": "assistant", "content": text}})
            for text, reason, tokens in samples
        ],
        "usage": {"prompt_tokens": completion.prompt_tokens, "completion_tokens": completion.output_tokens},
    }


def _write_logprobs(tokens: tuple[TokenLogprobs, ...] | None, *, plain: bool) -> dict[str, Any] | None:
    if tokens is None:
        return None
    if plain:
        tops = [{f"token {place}": one for place, one in enumerate(token.likeliest)} for token in tokens]
        return {"token_logprobs": [token.chosen for token in tokens], "top_logprobs": tops}
    return {
        "content": [
            {"token": "", "logprob": token.chosen, "top_logprobs": [{"logprob": one} for one in token.likeliest]}
            for token in tokens
        ]
    }
