"""Strategies, predictors, budgets and decisions over HTTP."""

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from db.session import session_scope
from db.tables import JobRow
from gateway.api.front_door import FrontDoor
from tests.worker.fake_night import budget, make_tasks, predict_flat, submit


def test_strategies_and_predictors_are_listed(client: TestClient) -> None:
    strategies = client.get("/v1/strategies").json()["data"]
    assert [(own["name"], own["method"], own["tags"], own["version"]) for own in strategies] == [
        ("small", "direct", [], 1),
        ("large", "direct", ["big"], 1),
    ]
    assert "tokens" in strategies[0]["tariff"]["prices"]
    predictors = client.get("/v1/predictors").json()["data"]
    assert [(own["strategy"], own["version"], own["state"]) for own in predictors] == [
        ("large", 1, "champion"),
        ("small", 1, "champion"),
    ]
    assert predictors[0]["figures"]["outcomes"] == 12


def test_budgets_are_created_raised_lowered_and_listed(client: TestClient) -> None:
    made = client.post("/v1/budgets", json={"name": "team", "amount": "40000 tokens", "period": "nightly"})
    assert made.status_code == 200, made.text
    assert (made.json()["cap"], made.json()["left"], made.json()["period"]) == (40_000, 40_000, "nightly")
    assert client.post("/v1/budgets/team/raise", json={"amount": "1e4 tokens"}).json()["cap"] == 50_000
    assert client.post("/v1/budgets/team/lower", json={"amount": "3e4 tokens"}).json()["cap"] == 20_000
    assert [own["name"] for own in client.get("/v1/budgets").json()["data"]] == ["team"]


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        ("", {"name": "7", "amount": "1 tokens"}, 400, "name"),
        ("", {"name": "a\x00", "amount": "1 tokens"}, 400, "name"),
        ("", {"name": "b", "amount": "25%"}, 400, "amount"),
        ("", {"name": "b", "amount": "much"}, 400, "amount"),
        ("", {"name": "b", "amount": "1 tokens", "cap": 3}, 400, "cap"),
        ("/nobody/raise", {"amount": "1 tokens"}, 404, "name"),
        ("/1/raise", {"amount": "1 tokens"}, 404, "name"),
    ],
)
def test_bad_budgets_are_refused(
    client: TestClient, path: str, body: dict[str, object], status: int, param: str
) -> None:
    reply = client.post(f"/v1/budgets{path}", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param), reply.text


def test_a_budget_is_not_lowered_below_nothing_nor_made_twice(client: TestClient) -> None:
    made = [client.post("/v1/budgets", json={"name": "b", "amount": "9 tokens"}).status_code for _ in range(2)]
    assert made == [200, 400]
    assert client.post("/v1/budgets/b/lower", json={"amount": "10 tokens"}).status_code == 400
    assert client.post("/v1/budgets/b/raise", json={"amount": "1 USD"}).status_code == 400


def test_decisions_are_told_in_pages(client: TestClient, door: FrontDoor) -> None:
    flat = predict_flat(5, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(door.database, predictions=flat, objective=budget(200), tasks=make_tasks(5))
    first = client.get(f"/v1/jobs/{job_id}/decisions", params={"limit": 2}).json()
    assert [own["custom_id"] for own in first["data"]] == ["task-0", "task-1"]
    assert first["has_more"]
    told = first["data"][0]
    assert [(own["strategy"], own["cost"], own["worst_cost"]) for own in told["forecasts"]] == [
        ("small", 5.0, 10.0),
        ("large", 20.0, 40.0),
    ]
    assert (told["status"], told["strategy"], told["unit"]) == ("waiting", None, "tokens")
    rest = client.get(f"/v1/jobs/{job_id}/decisions", params={"after": first["last_id"]}).json()
    assert [own["custom_id"] for own in rest["data"]] == ["task-2", "task-3", "task-4"]
    assert not rest["has_more"]


def test_what_was_not_decided_or_is_not_there_is_said(client: TestClient, door: FrontDoor) -> None:
    with session_scope(door.database) as session:
        calibration = session.execute(select(JobRow.id)).scalar_one()
    reply = client.get(f"/v1/jobs/{calibration}/decisions")
    assert (reply.status_code, "every strategy was asked" in reply.text) == (400, True)
    for path in ("jobs/999", "batches/batch_nobody"):
        assert client.get(f"/v1/{path}/decisions").status_code == 404
