"""`GET /metrics`: what Prometheus is told, and that its parser understands it."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from db.session import session_scope
from db.states import BatchStatus, JobState
from db.workers import note_worker
from gateway.api.front_door import FrontDoor
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
    assert told["apportion_request_total", ("echo", "small")] == 12  # the calibration's
    assert told["apportion_graded_total", ("echo", "large")] == 12
    assert told["apportion_max_budget", ("tokens",)] == 40_000
    assert told["apportion_remaining_budget", ("USD",)] == 0.5
    assert told["apportion_spend_total", ("tokens",)] > 0
    assert told["apportion_jobs", ("submitted",)] == 1
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
