"""Which token counts can be true of a request and its answer, whatever a server says."""

from router.generation import Completion, GenerationRequest
from worker.engines.errors import UsageImpossible
from worker.engines.prompt_bound import PromptBound

LONGEST_TOKEN_BYTES = 1024  # of text; known vocabularies end at some 128, so no honest count is below this floor


def require_possible(completion: Completion, request: GenerationRequest, *, engine: str) -> None:
    """UsageImpossible where the prompt can not have so many tokens, or the texts not so many or so few."""
    most_prompt, most = _bound_prompt(request), request.max_output_tokens
    least = sum(-(-_count_bytes(text) // LONGEST_TOKEN_BYTES) for text in completion.texts)
    if completion.prompt_tokens > most_prompt:
        raise UsageImpossible(
            f"engine {engine} counts {completion.prompt_tokens} tokens in a prompt that has {most_prompt} at most"
        )
    if not least <= completion.output_tokens <= most:
        raise UsageImpossible(
            f"engine {engine} counts {completion.output_tokens} tokens in an answer that has {least} to {most}"
        )


def _bound_prompt(request: GenerationRequest) -> int:
    """What was planned for the messages; some servers write the answer's schema into the prompt as well."""
    schema = "" if request.grammar is None else request.grammar.schema
    return PromptBound().count([request.messages])[0] + _count_bytes(schema)


def _count_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))  # a server may send half of a pair of surrogates
