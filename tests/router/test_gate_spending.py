"""The gate's error, spent over the looks at one champion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.promotion.gate_spending import AFTERWARDS, UP_TO_HORIZON, take_look


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.integers(0, 20_000))
def test_all_looks_together_never_err_more_often_than_stated(steps: list[int], learnt: int) -> None:
    labels, errors = 0, []
    for step in steps:
        look = take_look(labels + step, looked_at=labels, learnt=learnt)
        labels += step
        errors.append(look.proof_error)
    assert min(errors) > 0
    assert sum(errors) <= UP_TO_HORIZON + AFTERWARDS
    assert sum(errors) == pytest.approx(take_look(labels, looked_at=0, learnt=learnt).proof_error)


def test_looking_again_at_the_same_labels_may_not_err() -> None:
    assert take_look(700, looked_at=700, learnt=1000).proof_error == 0
    assert take_look(600, looked_at=700, learnt=1000).proof_error == 0


def test_the_less_a_champion_has_learnt_from_the_more_a_label_earns() -> None:
    errors = [take_look(100, looked_at=0, learnt=learnt).proof_error for learnt in (0, 100, 400, 4000, 9000)]
    assert errors == [UP_TO_HORIZON, UP_TO_HORIZON, UP_TO_HORIZON / 4, UP_TO_HORIZON / 40, UP_TO_HORIZON / 40]
