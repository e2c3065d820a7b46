"""A tenant reaches nothing of another one, whatever it names."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from db.batches import move_batch
from db.session import session_scope
from db.states import BatchStatus
from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from tests.gateway.api.given_keys import give_key
from tests.gateway.endpoints.asking import upload, write_line
from tests.worker.fake_night import budget, make_tasks, predict_flat, submit


@pytest.fixture
def stranger(door: FrontDoor) -> Iterator[TestClient]:
    """A client with a key of another tenant."""
    given = give_key(door, tenant="stranger")
    with TestClient(
        create_app(door),
        base_url="http://localhost",
        raise_server_exceptions=False,
        headers={"Authorization": f"Bearer {given.key}"},
    ) as asking:
        yield asking


@pytest.fixture
def owner(door: FrontDoor, stranger: TestClient) -> TestClient:
    """A client with a key of the tenant to which everything belongs."""
    given = give_key(door, tenant="default")
    return TestClient(stranger.app, base_url="http://localhost", headers={"Authorization": f"Bearer {given.key}"})


def test_every_job_and_budget_of_another_tenant_is_not_there(
    door: FrontDoor, owner: TestClient, stranger: TestClient
) -> None:
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    newest = submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2))
    assert owner.post("/v1/budgets", json={"name": "team", "amount": "900 tokens"}).status_code == 200
    for job_id in range(1, newest + 2):
        assert stranger.get(f"/v1/jobs/{job_id}/decisions").status_code == 404
        labels = [{"custom_id": "task-0", "correct": 1}]
        assert stranger.post("/v1/feedback", json={"job_id": job_id, "labels": labels}).status_code == 404
        assert stranger.post(f"/v1/budgets/{job_id}/raise", json={"amount": "1 tokens"}).status_code == 404
    assert owner.get(f"/v1/jobs/{newest}/decisions").status_code == 200
    assert stranger.get("/v1/budgets").json()["data"] == []
    for change in ("raise", "lower"):
        assert stranger.post(f"/v1/budgets/team/{change}", json={"amount": "1 tokens"}).status_code == 404
    file_id = upload(owner, [write_line(1)])
    assert stranger.post("/v1/plan", json={"input_file_id": file_id}).status_code == 404
    body = {"model": "auto", "messages": [{"role": "user", "content": "a"}], "budget": {"name": "team"}}
    assert stranger.post("/v1/chat/completions", json=body).status_code == 400
    assert "default" not in stranger.get("/metrics").text
    assert "default" in owner.get("/metrics").text


def test_a_batch_of_another_tenant_is_not_there(door: FrontDoor, owner: TestClient, stranger: TestClient) -> None:
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(2))
    file_id = upload(owner, [write_line(1)])
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch_id = owner.post("/v1/batches", json=asked).json()["id"]
    with session_scope(door.database) as session:
        assert move_batch(session, batch_id=batch_id, to=BatchStatus.IN_PROGRESS, job_id=job_id)
    given = {"batch_id": batch_id, "labels": [{"custom_id": "task-0", "correct": 1}]}
    told = owner.post("/v1/feedback", json=given)
    assert (told.status_code, told.json()["error"]["param"]) == (400, "labels.0.custom_id")  # not answered yet
    told = stranger.post("/v1/feedback", json=given)
    assert (told.status_code, told.json()["error"]["param"]) == (404, "batch_id")
    assert stranger.get(f"/v1/batches/{batch_id}/decisions").status_code == 404
    assert stranger.post("/v1/plan", json={"input_file_id": batch_id}).status_code == 404


def test_what_is_known_of_predictors_from_everybodys_answers_is_told_to_no_other_tenant(
    owner: TestClient, stranger: TestClient
) -> None:
    own, told = (client.get("/v1/predictors").json()["data"] for client in (owner, stranger))
    assert all(predictor["figures"]["outcomes"] for predictor in own)
    assert told == [predictor | {"figures": None} for predictor in own]
    for predictor in own:
        assert owner.get(f"/v1/predictors/{predictor['id']}").json()["report"]
        assert stranger.get(f"/v1/predictors/{predictor['id']}").status_code == 404


def test_a_key_that_is_held_to_budgets_spends_from_them_alone(door: FrontDoor, owner: TestClient) -> None:
    for name in ("team", "others"):
        owner.post("/v1/budgets", json={"name": name, "amount": "900 tokens"})
    given = give_key(door, tenant="default", budgets=["team"])
    held = TestClient(owner.app, base_url="http://localhost", headers={"Authorization": f"Bearer {given.key}"})
    assert [own["name"] for own in held.get("/v1/budgets").json()["data"]] == ["team"]
    assert held.post("/v1/budgets/team/raise", json={"amount": "1 tokens"}).status_code == 403
    body = {"model": "auto", "messages": [{"role": "user", "content": "a"}]}
    assert held.post("/v1/chat/completions", json={**body, "budget": {"name": "others"}}).status_code == 403
    assert held.post("/v1/chat/completions", json={**body, "objective": {"weight": 1}}).status_code == 200
    spent = {own["name"]: own["spent"] for own in owner.get("/v1/budgets").json()["data"]}
    assert spent == {"others": 0, "team": 2}
