"""The vote that stops early: the same answer for less where it is certain, and never more than the whole vote."""

from fractions import Fraction
from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.decoding.early_vote import EarlyVote, Votes, count_votes, estimate_lead, is_certain
from router.decoding.self_consistency import SelfConsistency
from router.generation import Completion, GenerationRequest
from tests.router.decoding_specs import ask, converse, read, say

BASE: dict[str, object] = {"method": "direct", "max_tokens": 8}
ANSWERS = st.sampled_from(["a", "A.", "b", "c", ""])


def make_vote(n: int, **early: object) -> EarlyVote:
    method = read({"method": "self_consistency", "n": n, "base": BASE, "stop_early": True, **early})
    assert isinstance(method, EarlyVote)
    return method


@given(texts=st.lists(ANSWERS, min_size=2, max_size=9), draw=st.data())
def test_a_certain_stop_has_the_answer_of_the_whole_vote(texts: list[str], draw: st.DataObject) -> None:
    early = make_vote(len(texts), step=draw.draw(st.integers(1, len(texts) - 1)))
    answer, requests = converse(early, ask("?"), say(*texts))
    assert answer == early.vote.extract(ask("?"), texts)
    assert sum(request.n for request in requests) <= len(texts)
    assert [request.seed for request in requests] == [early.step * place for place in range(len(requests))]


@given(texts=st.lists(ANSWERS, min_size=2, max_size=6), drawn=st.integers(0, 6))
def test_a_vote_is_certain_just_when_no_rest_of_it_changes_the_winner(texts: list[str], drawn: int) -> None:
    vote, task = make_vote(max(len(texts), 2)).vote, ask("?")
    seen, left = texts[:drawn], len(texts[drawn:])
    ballots = vote.list_ballots(task, seen)
    # Rests of answers that were seen, of new ones, and of blank ones.
    rests = product({"new 1", "new 2", "", *seen}, repeat=left)
    winners = {vote.extract(task, [*seen, *rest]) for rest in rests}
    assert is_certain(count_votes(ballots), left=left) == (len(winners) == 1 and (winners != {""} or not left))


@pytest.mark.parametrize(
    ("texts", "drawn"), [("aaab?", 3), ("aabaa", 5), ("aabbc", 5), ("abcde", 5), ("?????", 5), ("ab?aa", 5)]
)
def test_samples_are_drawn_until_the_vote_is_decided(texts: str, drawn: int) -> None:
    spoken = [text.replace("?", "") for text in texts]
    _, requests = converse(make_vote(5), ask("?"), say(*spoken))
    assert sum(request.n for request in requests) == drawn


def test_a_threshold_stops_as_soon_as_the_lead_is_likely_enough() -> None:
    def drawn(threshold: float) -> int:
        _, requests = converse(make_vote(9, step=1, stop_early=threshold), ask("?"), say(*"aaaaaaaaa"))
        return len(requests)

    assert [drawn(0.7), drawn(0.85), drawn(0.93), drawn(0.999)] == [1, 2, 3, 5]  # after 5 of 9 it is certain


def test_blank_samples_decide_nothing() -> None:
    _, requests = converse(make_vote(5, step=1, stop_early=0.5), ask("?"), say("", "", "a", "a", "a"))
    assert len(requests) == 3


@given(leader=st.integers(0, 40), second=st.integers(0, 40))
def test_the_lead_is_the_mass_of_a_beta_distribution_above_one_half(leader: int, second: int) -> None:
    # Integrated term by term: x^a (1 - x)^b, exactly.
    def mass(low: Fraction) -> Fraction:
        terms = (
            Fraction((-1) ** k * comb(second, k), leader + k + 1) * (1 - low ** (leader + k + 1))
            for k in range(second + 1)
        )
        return sum(terms, Fraction(0))

    expected = mass(Fraction(1, 2)) / mass(Fraction(0))
    assert estimate_lead(Votes(leader, second, 0)) == pytest.approx(float(expected))


def test_without_stop_early_the_vote_is_one_request_as_ever() -> None:
    spec: dict[str, object] = {"method": "self_consistency", "n": 5, "base": BASE}
    for never in ({}, {"stop_early": False}):
        assert isinstance(read({**spec, **never}), SelfConsistency)
    assert read({**spec, "stop_early": True}) != read({**spec, "stop_early": 0.9})


def test_a_request_of_one_sample_needs_no_engine_that_draws_several() -> None:
    method = make_vote(3, step=1)
    assert method.needs == frozenset()
    assert [stage.request.n for stage in method.stages(ask("?"))] == [1, 1, 1]

    def answer(request: GenerationRequest) -> Completion:
        return Completion(("x",), ("stop",), 1, 1)

    assert converse(method, ask("?"), answer)[0] == "x"
