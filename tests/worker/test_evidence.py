"""What is told of the outcomes that a champion learnt from."""

import math
from dataclasses import replace

from db.states import JobKind, OutcomeSource
from db.training_rows import TrainingRow
from worker.evidence import gather_evidence

ROW = TrainingRow(
    job_id=1,
    seq=0,
    arm=1,
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
    assert gather_evidence([ROW, warm, recorded], cutoff=None).cached_share == 0.5
    assert gather_evidence([recorded], cutoff=None).cached_share == 0.0
    assert gather_evidence([], cutoff=None).cached_share == 0.0


def test_every_change_of_a_label_is_another_digest() -> None:
    second = replace(ROW, seq=1, correct=0.0)
    swapped = [replace(ROW, correct=0.0), replace(second, correct=1.0)]  # as many right answers as before
    unknown = [ROW, replace(second, correct=math.nan)]
    digests = {gather_evidence(rows, cutoff=None).digest for rows in ([ROW, second], swapped, unknown, [ROW])}
    assert len(digests) == 4
    assert gather_evidence([ROW, second], cutoff=None) == gather_evidence([ROW, second], cutoff=None)
