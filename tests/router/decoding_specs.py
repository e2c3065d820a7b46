"""One strategy file's entry for each decoding method, and how a method is asked without an engine."""

from collections.abc import Callable, Mapping

from router.decoding import DecodingMethod, TaskPrompt, parse_task_prompt
from router.decoding.registry import read_method
from router.fields import Fields
from router.generation import Completion, GenerationRequest

COT: dict[str, object] = {"method": "chain_of_thought", "max_tokens": 64}
ONE_OF_EACH: dict[str, dict[str, object]] = {
    "direct": {"method": "direct", "max_tokens": 48},
    "few_shot": {"method": "few_shot", "max_tokens": 8, "examples": [{"user": "2 + 2?", "assistant": "4"}]},
    "chain_of_thought": {"method": "chain_of_thought", "max_tokens": 128},
    "choice": {"method": "choice", "max_tokens": 8},
    "json_object": {"method": "json_object", "max_tokens": 64},
    "structured": {
        "method": "structured",
        "max_tokens": 64,
        "answer_key": "answer",
        "schema": {"type": "object", "properties": {"why": {"type": "string"}, "answer": {"type": "string"}}},
    },
    "program_of_thought": {"method": "program_of_thought", "examples": [{"user": "2 and 3?", "assistant": "2 + 3"}]},
    "reasoning_budget": {"method": "reasoning_budget", "thinking_tokens": 40},
    "plan_then_code": {"method": "plan_then_code", "plan_tokens": 30, "code_tokens": 60},
    "self_consistency": {"method": "self_consistency", "n": 5, "base": COT},
    "best_of_n": {"method": "best_of_n", "n": 3, "by": "logprob", "base": COT},
}

Answering = Callable[[GenerationRequest], Completion]


def read(spec: Mapping[str, object]) -> DecodingMethod:
    """The method of an entry."""
    return read_method(Fields(spec, path="decoding"))


def ask(question: str, **body: object) -> TaskPrompt:
    """A task of one question."""
    return parse_task_prompt({"messages": [{"role": "user", "content": question}], **body})


def converse(method: DecodingMethod, task: TaskPrompt, answer: Answering) -> tuple[str, list[GenerationRequest]]:
    """The final answer with the requests that led to it; nothing that is carried is shortened."""
    asking, requests = method.ask(task), list[GenerationRequest]()
    asked = next(asking)
    while True:
        requests.append(asked if isinstance(asked, GenerationRequest) else asked.write(asked.carried))
        try:
            asked = asking.send(answer(requests[-1]))
        except StopIteration as end:
            return str(end.value), requests


def say(*texts: str, finish_reason: str = "stop") -> Answering:
    """Gives these texts in turn, as many as each request wants."""
    left = list(texts)

    def answer(request: GenerationRequest) -> Completion:
        told, left[:] = left[: request.n], left[request.n :]
        return Completion(tuple(told), (finish_reason,) * request.n, prompt_tokens=5, output_tokens=request.n)

    return answer
