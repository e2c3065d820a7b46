"""The guarantee: what later tasks need at least stays free, through starts, returns, losses and threads."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database

from db.budgets import read_budget
from db.errors import BudgetDenied
from db.expiry import expire_leases
from db.jobs import read_job
from db.session import session_scope
from tests.db.building import claim, end_leases, reserve
from tests.waiting import wait_until
from tests.worker.fake_night import budget, make_settings, predict_flat, submit
from worker.guarantee import Guarantee, Needs, reload_guarantee
from worker.routing import RoutedJob, open_routing, route_next_window

LEAST = {0: 1, 1: 10, 2: 100}
FLAT = {"small": (0.2, 5.0), "large": (0.9, 20.0)}


def make_guarantee() -> Guarantee:
    return Guarantee(Needs(LEAST, LEAST.keys()))


def start(guarantee: Guarantee, seqs: list[int]) -> int:
    with guarantee.reserving(seqs) as keep_free:
        return keep_free


def test_a_batch_leaves_free_what_all_others_need() -> None:
    guarantee = make_guarantee()
    assert guarantee.keep_free([]) == 111
    assert guarantee.keep_free([1]) == 101
    assert guarantee.keep_free([0, 1, 2, 3]) == 0


def test_what_was_started_needs_nothing_any_more_until_it_comes_back() -> None:
    guarantee = make_guarantee()
    assert start(guarantee, [1]) == 101
    assert start(guarantee, [1]) == 101  # noted once
    assert guarantee.keep_free([0]) == 100
    guarantee.note_returned([1])
    guarantee.note_returned([1, 2, 77])
    assert guarantee.keep_free([]) == 111


def test_a_denied_batch_was_not_started() -> None:
    guarantee = make_guarantee()
    with pytest.raises(BudgetDenied), guarantee.reserving([1]):
        raise BudgetDenied(budget_id=1, budget_name="n", unit="tokens", left=0, needed=10)
    assert guarantee.keep_free([]) == 111


def test_what_was_given_up_keeps_nothing() -> None:
    guarantee = make_guarantee()
    guarantee.note_given_up([2])
    guarantee.note_given_up([2])
    assert guarantee.keep_free([]) == 11


def test_a_guarantee_that_money_can_not_cover_ends_instead_of_denying_everybody() -> None:
    guarantee = make_guarantee()
    assert not guarantee.end_if_broken(111)
    assert guarantee.keep_free([]) == 111
    assert guarantee.end_if_broken(110)
    guarantee.note_returned([0, 1])
    assert guarantee.keep_free([]) == 0
    assert not guarantee.end_if_broken(0)


def test_no_second_reservation_begins_before_the_first_is_noted() -> None:
    guarantee = make_guarantee()
    seen: list[int] = []
    second = threading.Thread(target=lambda: seen.append(start(guarantee, [1])))
    with guarantee.reserving([2]) as keep_free:
        second.start()
        assert keep_free == 11
        second.join(timeout=0.05)
        assert second.is_alive()
    second.join()
    assert seen == [1]


def test_a_stored_job_keeps_the_least_worst_case_of_each_task(db_engine: Database) -> None:
    predictions = predict_flat(5, **FLAT)  # worst cases 10 and 40
    predictions.worst_cost[1, 0] = float("nan")  # only the large one
    predictions.cost[4] = float("nan")  # nobody: not eligible
    job_id = submit(db_engine, predictions=predictions, objective=budget(70))
    guarantee = load(db_engine, job_id)
    assert guarantee.keep_free([]) == 70
    assert guarantee.keep_free([1]) == 30


def load(database: Database, job_id: int) -> Guarantee:
    return load_job(database, job_id).guarantee


def load_job(database: Database, job_id: int) -> RoutedJob:
    with session_scope(database) as session:
        job = read_job(session, job_id=job_id)
    return open_routing(database, job=job)


def test_a_budget_that_does_not_cover_all_worst_cases_keeps_nothing(db_engine: Database) -> None:
    job_id = submit(db_engine, predictions=predict_flat(5, **FLAT), objective=budget(49))
    assert load(db_engine, job_id).keep_free([]) == 0


def test_without_a_cap_there_is_nothing_to_keep(db_engine: Database) -> None:
    uncapped = replace(budget(1), cap=None)
    job_id = submit(db_engine, predictions=predict_flat(5, **FLAT), objective=uncapped)
    assert load(db_engine, job_id).keep_free([]) == 0


def test_burned_tasks_count_again_where_there_is_still_enough_for_all(db_engine: Database, tmp_path: Path) -> None:
    enough = submit(db_engine, predictions=predict_flat(5, **FLAT), objective=budget(70))
    scarce = submit(db_engine, predictions=predict_flat(5, **FLAT), objective=budget(69))
    for job_id, kept in ((enough, 50), (scarce, 0)):
        routed = load_job(db_engine, job_id)
        route_next_window(db_engine, routed=routed, owner="me", settings=make_settings(tmp_path))
        group = claim(db_engine, job_id=job_id)
        reserve(db_engine, group, group.seqs[:2], [10, 10])
        assert load(db_engine, job_id).keep_free([]) == 30  # the two have their reservation
        end_leases(db_engine, group_id=group.id)
        burn(db_engine, job_id)
        with session_scope(db_engine) as session:
            assert read_budget(session, budget_id=routed.job.budget_id).burned == 20
        reload_guarantee(routed.guarantee, db_engine, job=routed.job, predictions=routed.predictions)
        assert routed.guarantee.keep_free([]) == kept


def burn(database: Database, job_id: int) -> None:
    with session_scope(database) as session:
        expire_leases(session, job_id=job_id)


def test_nothing_is_reserved_while_the_guarantee_is_read_anew() -> None:
    guarantee = make_guarantee()
    reading, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def read() -> Needs:
        reading.set()
        assert go_on.wait(timeout=10)
        return Needs({7: 5}, [7])

    threads = [threading.Thread(target=guarantee.replace, args=(read,))]
    threads[0].start()
    assert reading.wait(timeout=10)
    threads.append(threading.Thread(target=lambda: seen.append(start(guarantee, [1]))))
    threads[1].start()
    assert not seen
    go_on.set()
    wait_until(lambda: seen == [5])
    for thread in threads:
        thread.join()
