"""Which fields a request's body may have: what is read, changes nothing, is left to strategies, or is refused."""

from collections.abc import Mapping
from typing import NamedTuple

from router.errors import BadTaskBody
from router.fields import quote, suggest

READ = frozenset({"model", "messages", "prompt", "max_tokens", "max_completion_tokens", "response_format", "n"})

# They speak of who asks, where requests are kept and how soon they are answered, not of the answer.
CHANGE_NOTHING = frozenset(
    {"user", "safety_identifier", "metadata", "store", "service_tier", "stream_options", "parallel_tool_calls"}
    | {"prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"}
)


class Range(NamedTuple):
    """The numbers that OpenAI takes for a field."""

    low: int
    high: int
    is_whole: bool = False

    def holds(self, value: object) -> bool:
        """Whether the value is a number of this kind, from the lowest to the highest."""
        kinds = int if self.is_whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{'an integer' if self.is_whole else 'a number'} from {self.low} to {self.high}"


# How a model is asked belongs to the strategy: what stands here has to make sense, and is not used.
LEFT_TO_STRATEGIES: dict[str, Range] = {
    "temperature": Range(0, 2),
    "top_p": Range(0, 1),
    "seed": Range(-(2**63), 2**63 - 1, is_whole=True),
    "frequency_penalty": Range(-2, 2),
    "presence_penalty": Range(-2, 2),
}
ONE_ANSWER = Range(1, 1, is_whole=True)
REASONING_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_NO_TOOLS = "tool calls are not supported"
_NO_FUNCTIONS = "function calls are not supported"
_ONLY_TEXT = "only text answers are supported"
_NO_LOGPROBS = "log-probabilities are not returned for routed tasks"
_OTHER_CONSTRAINT = "constraints other than response_format are not supported"
_OTHER_SAMPLING = "is no field of OpenAI's, and sampling belongs to the strategy; leave it out"

# They would change what an answer is, and a routed task can not honour them.
REFUSED: dict[str, str] = {
    "stream": "a batch answers with whole completions, not with a stream",
    "tools": _NO_TOOLS,
    "tool_choice": _NO_TOOLS,
    "functions": _NO_FUNCTIONS,
    "function_call": _NO_FUNCTIONS,
    "audio": _ONLY_TEXT,
    "modalities": _ONLY_TEXT,
    "logprobs": _NO_LOGPROBS,
    "top_logprobs": _NO_LOGPROBS,
    "logit_bias": "its token numbers mean other words to each strategy's model",
    "stop": "where an answer ends belongs to the strategy; set it there, or say it in the prompt",
    "suffix": "answers are not written into the middle of a text",
    "echo": "answers do not repeat their prompt",
    "best_of": "a routed task has one answer; route to a strategy with the method best_of_n",
    "verbosity": "how much is said belongs to the strategy; say it in the prompt, or cap it with max_completion_tokens",
    "web_search_options": "nothing is looked up for an answer",
    "moderation": "requests and answers are not moderated",
    "guided_json": "give the schema as response_format",
    "guided_choice": "name the options in the prompt and route to a strategy with the method choice",
    "guided_regex": _OTHER_CONSTRAINT,
    "guided_grammar": _OTHER_CONSTRAINT,
    "structured_outputs": _OTHER_CONSTRAINT,
    "min_tokens": "no answer is made longer than its strategy makes it; say it in the prompt",
    "ignore_eos": "no answer is made longer than its strategy makes it; say it in the prompt",
    "top_k": _OTHER_SAMPLING,
    "min_p": _OTHER_SAMPLING,
    "repetition_penalty": _OTHER_SAMPLING,
    "length_penalty": _OTHER_SAMPLING,
    "use_beam_search": _OTHER_SAMPLING,
    "stop_token_ids": "its token numbers mean other words to each strategy's model",
}

# Beside null, false, 0 and what is empty: how a refused field asks for what happens without it.
_SAME_AS_WITHOUT: dict[str, tuple[object, ...]] = {
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "suffix": ("",),
    "best_of": (1,),
    "verbosity": ("medium",),
    "top_k": (-1,),
    "repetition_penalty": (1,),
    "length_penalty": (1,),
}

_LEFT = frozenset({*LEFT_TO_STRATEGIES, "reasoning_effort"})
_TAKEN = READ | CHANGE_NOTHING | _LEFT


def check_body_fields(body: Mapping[str, object]) -> None:
    """Nothing for a body whose every field is known and can be honoured; BadTaskBody names the first that is not."""
    if not body.keys() <= _TAKEN:
        for field in body:
            if field not in _TAKEN:
                _check_refused(field, body[field])
    if not _LEFT.isdisjoint(body):
        for field in _LEFT.intersection(body):
            _check_left(field, body[field])
    if body.get("n") is not None and not ONE_ANSWER.holds(body["n"]):
        raise BadTaskBody("n", f"must be 1, got {quote(body['n'])}: a routed task has one answer")


def _check_refused(field: str, value: object) -> None:
    if field not in REFUSED:
        near = suggest(field, [*_TAKEN, *REFUSED])
        raise BadTaskBody(field, f"is not a field of a request's body{near}")
    if value is True or value not in (None, False, [], {}, *_SAME_AS_WITHOUT.get(field, ())):
        raise BadTaskBody(field, REFUSED[field])


def _check_left(field: str, value: object) -> None:
    if value is None:
        return
    if field == "reasoning_effort":
        if value not in REASONING_EFFORTS:
            raise BadTaskBody(field, f"must be one of {', '.join(REASONING_EFFORTS)}, got {quote(value)}")
    elif not (bounds := LEFT_TO_STRATEGIES[field]).holds(value):
        raise BadTaskBody(field, f"must be {bounds}, got {quote(value)}")
