"""The same request sent again: answered, charged and counted once."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from db.invariants import find_violations
from db.session import session_scope
from db.states import GroupState
from db.tables import GroupRow, ReplyRow
from gateway.api.app import create_app
from gateway.api.callers import Known
from gateway.api.errors import ApiError
from gateway.api.front_door import FrontDoor
from gateway.api.once import answer_once
from gateway.api.sending import Sending
from gateway.bootstrap import build_front_door
from tests.gateway.api.given_keys import give_key
from tests.gateway.endpoints.asking import STRATEGIES
from tests.gateway.endpoints.test_chat import lose_lease
from tests.waiting import wait_until
from worker.pool import read_strategy_file

CHAT = "/v1/chat/completions"
ASKED = {"model": "auto", "messages": [{"role": "user", "content": "say this"}], "budget": {"name": "team"}}


@pytest.fixture(autouse=True)
def team(client: TestClient, door: FrontDoor) -> Iterator[None]:
    """A budget of a thousand tokens; the ledger adds up in the end."""
    assert client.post("/v1/budgets", json={"name": "team", "amount": "1000 tokens"}).status_code == 200
    yield
    with session_scope(door.database) as session:
        assert find_violations(session) == []


@pytest.fixture
def slow(door: FrontDoor, tmp_path: Path) -> Iterator[TestClient]:
    """A client of a server whose engine takes a while."""
    file = tmp_path / "slow.yaml"
    file.write_text(STRATEGIES.replace("model: echo,", "model: echo, options: {delay_seconds: 0.9},"), encoding="utf-8")
    opened = build_front_door(
        door.settings,
        database=door.database,
        pool=read_strategy_file(file),
        strategy_file=file,
        desk_is_at_work=lambda: True,
    )
    with TestClient(create_app(opened), base_url="http://localhost", raise_server_exceptions=False) as asking:
        yield asking


def ask(client: TestClient, body: Mapping[str, object] = ASKED, **headers: str) -> dict[str, Any]:
    reply: dict[str, Any] = client.post(CHAT, json=body, headers=name(headers)).json()
    return reply


def name(headers: Mapping[str, str]) -> dict[str, str]:
    return {own.replace("_", "-"): value for own, value in headers.items()}


def standing(client: TestClient) -> dict[str, Any]:
    (team,) = client.get("/v1/budgets").json()["data"]
    budget: dict[str, Any] = team
    return budget


def test_under_a_key_a_request_is_answered_once(client: TestClient) -> None:
    first = ask(client, idempotency_key="k1")
    assert first["choices"][0]["message"]["content"] == "say this"
    assert ask(client, idempotency_key="k1") == first
    assert standing(client)["spent"] == 4
    other = ask(client, ASKED | {"temperature": 0.5}, idempotency_key="k1")
    assert other["error"]["code"] == "idempotency_key_reused"
    assert ask(client, idempotency_key="k2")["id"] != first["id"]
    assert ask(client)["id"] != ask(client)["id"]


def test_a_clients_own_retry_gets_the_reply_that_it_has_missed(client: TestClient) -> None:
    first = ask(client, x_stainless_retry_count="0")
    assert ask(client, x_stainless_retry_count="1") == first
    assert ask(client, ASKED | {"temperature": 0.5}, x_stainless_retry_count="1")["id"] != first["id"]
    assert ask(client, x_stainless_retry_count="0")["id"] != first["id"]


def test_a_stream_is_told_again(client: TestClient) -> None:
    def listen() -> list[dict[str, Any]]:
        body = ASKED | {"stream": True, "stream_options": {"include_usage": True}}
        with client.stream("POST", CHAT, json=body, headers={"idempotency-key": "s"}) as reply:
            lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
        assert lines[-1] == "[DONE]"
        return [json.loads(line) for line in lines[:-1]]

    texts = []
    for events in (listen(), listen()):
        texts.append("".join(own["choices"][0]["delta"].get("content", "") for own in events[:-1]))
        assert events[-1]["usage"]["total_tokens"] == 4
    assert texts == ["say this", "say this"]
    assert standing(client)["spent"] == 4


def test_who_sends_it_again_while_it_is_answered_waits_for_that_answer(slow: TestClient) -> None:
    with ThreadPoolExecutor(3) as threads:
        ids = list(threads.map(lambda _: ask(slow, idempotency_key="k")["id"], range(3)))
    assert len(set(ids)) == 1
    assert standing(slow)["spent"] == 4


def test_what_has_cost_its_worst_is_not_asked_again(slow: TestClient, door: FrontDoor) -> None:
    running = select(GroupRow.id).where(GroupRow.state == GroupState.CLAIMED)

    def find_running() -> int | None:
        with session_scope(door.database) as session:
            return session.execute(running).scalar_one_or_none()

    with ThreadPoolExecutor(1) as threads:
        asking = threads.submit(slow.post, CHAT, json=ASKED)
        wait_until(lambda: find_running() is not None)
        group_id = find_running()
        assert group_id is not None
        lose_lease(door, group_id)
        lost = asking.result()
    burned = standing(slow)["burned"]
    assert (lost.status_code, burned > 0) == (503, True)
    again = slow.post(CHAT, json=ASKED, headers={"x-stainless-retry-count": "1"})
    assert (again.status_code, again.json()) == (503, lost.json())
    assert (standing(slow)["burned"], standing(slow)["spent"]) == (burned, 0)


def test_what_was_refused_at_no_cost_is_tried_anew(client: TestClient, door: FrontDoor) -> None:
    poor = ASKED | {"budget": {"name": "poor"}}
    assert ask(client, poor, idempotency_key="p")["error"]["param"] == "budget"
    with session_scope(door.database) as session:
        assert session.execute(select(ReplyRow)).all() == []
    client.post("/v1/budgets", json={"name": "poor", "amount": "1000 tokens"})
    assert ask(client, poor, idempotency_key="p")["model"] in ("small", "large")


def test_what_broke_at_a_cost_that_nobody_knows_is_not_tried_again(door: FrontDoor) -> None:
    caller, sent = Known(tenant_id="default", key=None), Sending(idempotency_key="b", is_retry=False)
    tried = []

    async def break_down() -> Mapping[str, Any]:
        tried.append(1)
        raise RuntimeError("nobody foresaw this")

    def send() -> None:
        asyncio.run(answer_once(door.database, caller, sent, asked="it", answer=break_down))

    with pytest.raises(RuntimeError, match="nobody foresaw this"):
        send()
    with pytest.raises(ApiError, match="an error of the server's own") as again:
        send()
    assert (again.value.status, tried) == (500, [1])


@pytest.mark.parametrize(("change", "cap"), [("raise", 1100), ("lower", 900)])
def test_a_cap_is_changed_once(client: TestClient, change: str, cap: int) -> None:
    def move(amount: str = "100 tokens", **headers: str) -> Any:
        return client.post(f"/v1/budgets/team/{change}", json={"amount": amount}, headers=name(headers)).json()

    first = move(idempotency_key="k")
    assert first["cap"] == cap
    assert move(idempotency_key="k") == first
    assert move("200 tokens", idempotency_key="k")["error"]["code"] == "idempotency_key_reused"
    assert move("1 USD", idempotency_key="u")["error"]["param"] == "amount"
    assert standing(client)["cap"] == cap
    second = move(x_stainless_retry_count="0")
    assert move(x_stainless_retry_count="2") == second
    assert standing(client)["cap"] == second["cap"] != cap


def test_a_key_of_one_tenant_is_nothing_to_another(client: TestClient, door: FrontDoor) -> None:
    for tenant in ("one", "two"):
        headers = {**give_key(door, tenant=tenant).headers, "idempotency-key": "k"}
        client.post("/v1/budgets", json={"name": "team", "amount": "10 tokens"}, headers=headers)
        raised = client.post("/v1/budgets/team/raise", json={"amount": "1 tokens"}, headers=headers)
        assert (raised.status_code, raised.json()["cap"]) == (200, 11)
