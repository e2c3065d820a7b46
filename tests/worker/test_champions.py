"""What a champion keeps of the outcomes it learnt from."""

from dataclasses import replace

from db.states import JobKind, OutcomeSource
from db.training_rows import TrainingRow
from worker.champions import find_cached_share

ROW = TrainingRow(
    job_id=1,
    seq=0,
    kind=JobKind.CALIBRATION,
    payload="{}",
    weight=1.0,
    correct=1.0,
    prompt_tokens=100,
    later_prompt_tokens=0,
    output_tokens=5,
    propensity=None,
    source=OutcomeSource.ENGINE,
    cached_prompt_tokens=0,
)


def test_the_cached_share_is_of_prompt_tokens_that_an_engine_counted() -> None:
    warm = replace(ROW, prompt_tokens=300, cached_prompt_tokens=200)
    recorded = replace(ROW, source=OutcomeSource.RECORDING)  # which says nothing of any cache
    assert find_cached_share([ROW, warm, recorded]) == 0.5
    assert find_cached_share([recorded]) == find_cached_share([]) == 0.0
