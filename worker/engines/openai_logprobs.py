"""Reads how likely a server says its tokens were."""

from collections.abc import Mapping, Sequence
from typing import Any

from router.generation import TokenLogprobs


def read_logprobs(choices: Sequence[Mapping[str, Any]], *, likeliest: int) -> tuple[tuple[TokenLogprobs, ...], ...]:
    """Of each sample's tokens, with so many alternatives; KeyError, TypeError or ValueError where there are none."""
    return tuple(_read_sample(choice["logprobs"], likeliest) for choice in choices)


def _read_sample(stated: Mapping[str, Any], likeliest: int) -> tuple[TokenLogprobs, ...]:
    """A chat completion names its tokens one by one, a plain completion has columns."""
    if "content" in stated:
        chosen = [token["logprob"] for token in stated["content"]]
        tops = [[top["logprob"] for top in token["top_logprobs"]] for token in stated["content"]]
    else:
        chosen = stated["token_logprobs"]
        tops = [list(dict(top or {}).values()) for top in stated["top_logprobs"] or [None] * len(chosen)]
    return tuple(
        TokenLogprobs(_check(own), tuple(sorted(map(_check, top), reverse=True)[:likeliest]))
        for own, top in zip(chosen, tops, strict=True)
    )


def _check(logprob: float) -> float:
    if not logprob <= 0:  # nor is anything else true of what is no number
        raise ValueError(f"{logprob!r} is no log-probability")
    return float(logprob)
