"""What one window uses for exploring says what is set aside for the next."""

import pytest

from worker.exploration_pace import HEADROOM, LEAST_SHARE, ExplorationPace
from worker.exploration_terms import ExplorationTerms

TERMS = ExplorationTerms(share=0.05, points=1.0, need=(1.0, 0.5))


def test_nothing_is_expected_before_a_window_and_after_one_that_explored_nothing() -> None:
    pace = ExplorationPace()
    assert pace.expect(TERMS) is None
    assert pace.note(TERMS, 0.02) is not None
    assert pace.expect(TERMS) is not None
    assert pace.note(TERMS, None) is None
    assert pace.expect(TERMS) is None


@pytest.mark.parametrize(("used", "enough"), [(0.0, LEAST_SHARE), (0.02, 0.02), (0.05, 0.05), (0.2, 0.05)])
def test_as_much_is_enough_as_is_used_within_the_terms(used: float, enough: float) -> None:
    noted = ExplorationPace().note(TERMS, used)
    assert noted is not None
    assert noted.share == enough


def test_windows_that_can_use_more_get_more_until_they_have_it_all() -> None:
    pace = ExplorationPace()
    pace.note(TERMS, 0.01)
    shares = []
    for _ in range(12):
        expected = pace.expect(TERMS)
        assert expected is not None
        shares.append(expected.share)
        pace.note(TERMS, expected.share)  # all of it
    assert shares[:2] == pytest.approx([0.01 * HEADROOM, 0.01 * HEADROOM**2])
    assert shares[-1] == TERMS.share
