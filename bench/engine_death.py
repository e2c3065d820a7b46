"""What an engine's process costs that is killed under a job, and how soon its worker is as fast as before."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil

from bench.engine_station import EngineWorker

KILLED_AT_SHARE = 0.3  # of the job
FULL_SHARE = 0.9  # of the rate before, over as many answers
SPAN_ANSWERS = 64


class Recovery(NamedTuple):
    """A job whose engine was killed."""

    tasks: int
    lost: int  # tasks that were with the engine, and were asked again
    most_in_flight: int  # tasks that can be with it
    back_seconds: float  # from the kill to the first of as many answers at full rate
    per_second_before: float


def kill_under(own: EngineWorker, questions: Sequence[str], *, most_in_flight: int) -> Recovery:
    """Kill the only engine process of ours in the middle of a job of these questions."""
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
    rate = len(before) / (killed_at - (settled.answered_at[-1] - settled.rate.seconds))
    return Recovery(len(questions), settled.lost, most_in_flight, _find_full(after, rate) - killed_at, rate)


def _find_full(after: Sequence[float], rate: float) -> float:
    """When the first answer came from which on so many came at nearly this rate."""
    for first, last in zip(after, after[SPAN_ANSWERS:], strict=False):
        if last - first <= SPAN_ANSWERS / (FULL_SHARE * rate):
            return first
    raise AssertionError(f"never as fast as before within {len(after)} answers: make the job longer")
