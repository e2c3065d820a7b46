"""What an engine's process costs that is killed under a job, and how soon its worker is as fast as before."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil

from bench.engine_station import EngineWorker
from bench.engine_tokens import find_full, watch_tokens

KILLED_AT_SHARE = 0.3  # of the job
FULL_SHARE = 0.9  # of the rate before, over as many answers
SPAN_ANSWERS = 64


class Recovery(NamedTuple):
    """A job whose engine was killed."""

    tasks: int
    lost: int  # tasks that were with the engine, and were asked again
    most_in_flight: int  # tasks that can be with it
    back_seconds: float  # from the kill until tokens come at the rate before, prompts' and answers'
    answers_back_seconds: float  # the same of settled answers: later by what the first ones take from their beginning
    answer_seconds: float  # what one took before, with as many in flight
    tokens_per_second: float  # before
    answers_per_second: float


def kill_under(own: EngineWorker, questions: Sequence[str], *, most_in_flight: int) -> Recovery:
    """Kill the only engine process of ours in the middle of a job of these questions."""
    with watch_tokens() as steps:
        job_id = own.submit(questions)
        while own.count_answers(job_id) < KILLED_AT_SHARE * len(questions):
            time.sleep(0.01)
        (engine,) = [child for child in psutil.Process().children(recursive=True) if "EngineCore" in child.name()]
        killed_at = time.time()
        engine.kill()
        own.wait_for(job_id)
    settled = own.look_back(job_id)
    before = [at for at in settled.answered_at if at <= killed_at]
    after = [at for at in settled.answered_at if at > killed_at]
    began = settled.answered_at[-1] - settled.rate.seconds
    answer_rate = len(before) / (killed_at - began)
    token_rate = sum(step.tokens for step in steps if step.at <= killed_at) / (killed_at - began)
    span = SPAN_ANSWERS * (settled.rate.prompt_tokens + settled.rate.output_tokens) // len(questions)
    tokens_back = find_full([step for step in steps if step.at > killed_at], rate=FULL_SHARE * token_rate, span=span)
    return Recovery(
        tasks=len(questions),
        lost=settled.lost,
        most_in_flight=most_in_flight,
        back_seconds=tokens_back - killed_at,
        answers_back_seconds=_find_full(after, answer_rate) - killed_at,
        answer_seconds=most_in_flight / answer_rate,
        tokens_per_second=token_rate,
        answers_per_second=answer_rate,
    )


def _find_full(after: Sequence[float], rate: float) -> float:
    """When the first answer came from which on so many came at nearly this rate."""
    for first, last in zip(after, after[SPAN_ANSWERS:], strict=False):
        if last - first <= SPAN_ANSWERS / (FULL_SHARE * rate):
            return first
    raise AssertionError(f"never as fast as before within {len(after)} answers: make the job longer")
