"""`GET /metrics`: what Prometheus is told, and that its parser understands it."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from db.budgets import open_budget
from db.metrics import MOST_TENANTS, OTHERS
from db.session import session_scope
from db.states import BatchStatus, JobState
from db.workers import note_worker
from gateway.api.front_door import FrontDoor
from tests.gateway.api.given_keys import give_key
from tests.worker.fake_night import budget, make_tasks, predict_flat, submit


def read(client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
    reply = client.get("/metrics")
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }


def test_everything_is_told_by_bounded_labels(client: TestClient, door: FrontDoor) -> None:
    client.post("/v1/budgets", json={"name": "team", "amount": "40000 tokens"})
    client.post("/v1/budgets", json={"name": "dear", "amount": "0.5 USD"})
    with session_scope(door.database) as session:
        note_worker(session, owner="a", queues=["router", "engine.echo"], strategy_ids=[])
    flat = predict_flat(5, small=(0.2, 5.0), large=(0.9, 20.0))
    submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(5))
    told = read(client)
    assert told["apportion_request_total", ("echo", "small", "default")] == 12  # the calibration's
    assert told["apportion_graded_total", ("echo", "large", "default")] == 12
    assert told["apportion_max_budget", ("default", "tokens")] == 40_000
    assert told["apportion_remaining_budget", ("default", "USD")] == 0.5
    assert told["apportion_spend_total", ("default", "tokens")] > 0
    assert told["apportion_jobs", ("submitted", "default")] == 1
    assert told["apportion_workers", ("engine.echo", "present")] == 1
    states = {labels[0] for name, labels in told if name == "apportion_batches"}
    assert states == {status.value for status in BatchStatus}
    assert {labels[0] for name, labels in told if name == "apportion_jobs"} == {state.value for state in JobState}


def test_more_jobs_make_no_more_series(client: TestClient, door: FrontDoor) -> None:
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2))
    before = read(client).keys()
    for _ in range(3):
        submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2))
    assert read(client).keys() == before


def test_each_tenant_has_figures_of_its_own(client: TestClient, door: FrontDoor) -> None:
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    for tenant in ("reds", "blues", "reds"):
        submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2), tenant_id=tenant)
    told = read(client)
    assert told["apportion_jobs", ("submitted", "reds")] == 2
    assert told["apportion_jobs", ("submitted", "blues")] == 1
    assert told["apportion_jobs", ("submitted", "default")] == 0
    client.headers["authorization"] = f"Bearer {give_key(door, tenant='blues').key}"
    own = read(client)
    assert own["apportion_jobs", ("submitted", "blues")] == 1
    assert own["apportion_request_total", ("echo", "small", "blues")] == 0
    assert {label for _, labels in own for label in labels} & {"reds", "default"} == set()
    assert not [name for name, _ in own if name == "apportion_workers"]


def test_tenants_that_came_late_are_told_together(client: TestClient, door: FrontDoor) -> None:
    names = [f"tenant-{number:02}" for number in reversed(range(MOST_TENANTS + 3))]
    with session_scope(door.database) as session:
        for name in names:
            open_budget(session, tenant_id=name, name="own", unit="tokens", cap=10)
    told = read(client)
    reserved = {labels[0] for name, labels in told if name == "apportion_reserved_budget"}
    assert reserved == {"default", *names[: MOST_TENANTS - 1], OTHERS}
    client.headers["authorization"] = f"Bearer {give_key(door, tenant=names[-1]).key}"
    assert ("apportion_reserved_budget", (names[-1], "tokens")) in read(client)
