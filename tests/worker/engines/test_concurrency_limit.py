"""The arithmetic by which a server's limit is found: always within bounds, and where the server is full."""

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.engines.concurrency_limit import FIRST_LIMIT, QUEUE_SHARE, ConcurrencyLimit

MOST = st.integers(1, 2_000)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 3_000)),
        st.tuples(st.just("overload"), st.just(0)),
        st.tuples(st.just("reading"), st.integers(0, 3_000)),
    ),
    max_size=60,
)


def take(limit: ConcurrencyLimit, event: str, number: int) -> ConcurrencyLimit:
    match event:
        case "answer":
            return limit.after_answer(in_flight=number)
        case "overload":
            return limit.after_overload()
    return limit.after_reading(waiting=number, in_flight=limit.places)


def answer_round(limit: ConcurrencyLimit) -> ConcurrencyLimit:
    """As many answers as there are places, each of which is taken again at once."""
    for _ in range(limit.places):
        limit = limit.after_answer(in_flight=limit.places)
    return limit


@given(most=MOST, events=EVENTS)
def test_it_stays_between_one_and_the_most(most: int, events: list[tuple[str, int]]) -> None:
    limit = ConcurrencyLimit(most=most)
    for event, number in events:
        limit = take(limit, event, number)
        assert 1 <= limit.places <= most


@given(most=MOST, events=EVENTS)
def test_an_overload_halves_it_and_ends_the_slow_start(most: int, events: list[tuple[str, int]]) -> None:
    limit = ConcurrencyLimit(most=most)
    for event, number in events:
        limit = take(limit, event, number)
    after = limit.after_overload()
    assert after.limit == max(1.0, min(limit.limit, most) / 2)
    assert answer_round(after).limit <= after.limit + 1.0


@given(most=MOST, in_flight=st.integers(0, 2_000))
def test_it_grows_only_where_its_places_are_taken(most: int, in_flight: int) -> None:
    limit = ConcurrencyLimit(most=most)
    grown = limit.after_answer(in_flight=in_flight)
    if in_flight < limit.places:
        assert grown == limit
    else:
        assert grown.limit == max(min(limit.limit + 1.0, most), min(limit.limit, most))


def test_it_starts_low_and_doubles_with_every_round() -> None:
    limit = ConcurrencyLimit(most=1_000)
    seen = [limit.places]
    for _ in range(5):
        limit = answer_round(limit)
        seen.append(limit.places)
    assert seen == [4, 8, 16, 32, 64, 128]
    assert FIRST_LIMIT == 4.0


@settings(deadline=None)
@given(capacity=st.integers(1, 60), most=st.integers(1, 200))
def test_it_stays_near_what_a_server_takes_that_turns_the_rest_away(capacity: int, most: int) -> None:
    limit, reachable = ConcurrencyLimit(most=most), min(capacity, most)
    seen = []
    for _ in range(2 * capacity + 20):
        limit = limit.after_overload() if limit.places > capacity else answer_round(limit)
        seen.append(limit.places)
    settled = seen[len(seen) // 2 :]
    assert max(settled) <= min(capacity + 1, most)
    assert min(settled) >= reachable // 2


@settings(deadline=None)
@given(capacity=st.integers(1, 60), most=st.integers(1, 200))
def test_it_keeps_a_server_full_that_tells_its_queue_and_the_queue_short(capacity: int, most: int) -> None:
    limit, reachable = ConcurrencyLimit(most=most), min(capacity, most)
    for _ in range(2 * capacity + 20):
        limit = answer_round(limit)
        limit = limit.after_reading(waiting=max(0, limit.places - capacity), in_flight=limit.places)
    assert reachable <= limit.places <= reachable * (1.0 + QUEUE_SHARE) + 1.0


@given(most=st.integers(4, 2_000), waiting=st.integers(1, 10_000))
def test_a_queue_that_others_made_halves_it_at_most(most: int, waiting: int) -> None:
    limit = answer_round(answer_round(ConcurrencyLimit(most=most)))
    after = limit.after_reading(waiting=waiting, in_flight=limit.places)
    assert limit.limit / 2 <= after.limit <= limit.limit
    assert answer_round(after) == after  # held until a reading finds no queue
    assert answer_round(after.after_reading(waiting=0, in_flight=0)).limit > after.limit or after.limit == most
