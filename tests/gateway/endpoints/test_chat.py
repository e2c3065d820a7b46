"""`POST /v1/chat/completions`: routed, reserved for, answered, charged."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from starlette.testclient import TestClient

from db.budgets import Budget
from db.errors import StaleFence
from db.expiry import expire_leases
from db.invariants import find_violations
from db.session import session_scope
from db.states import JobState, WindowState
from db.tables import GroupRow, JobRow, WindowRow
from db.tasks import NewTask
from gateway.api.app import create_app
from gateway.api.chat_objects import CompletionStream
from gateway.api.errors import Unavailable
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import build_front_door
from router.units import Amount, Unit
from tests.gateway.endpoints.asking import STRATEGIES
from tests.waiting import wait_until
from tests.worker.fake_night import budget, predict_flat, submit
from worker.chat_room import ChatRoom
from worker.pool import read_strategy_file
from worker.shared_budgets import find_budget, open_shared
from worker.telling import Telling


def ask(content: str = "say this", **more: object) -> dict[str, object]:
    return {"model": "auto", "messages": [{"role": "user", "content": content}], **more}


@pytest.fixture(autouse=True)
def sound_books(door: FrontDoor) -> Iterator[None]:
    """Whatever a test asks, the ledger adds up after it."""
    yield
    with session_scope(door.database) as session:
        assert find_violations(session) == []


def open_team(client: TestClient, amount: str = "1000 tokens", name: str = "team") -> None:
    assert client.post("/v1/budgets", json={"name": name, "amount": amount}).status_code == 200


def team(door: FrontDoor, name: str = "team") -> Budget:
    return find_budget(door.database, name=name)


def test_a_request_is_answered_and_charged_what_it_cost(client: TestClient, door: FrontDoor) -> None:
    open_team(client)
    reply = client.post("/v1/chat/completions", json=ask(budget={"name": "team"}))
    assert reply.status_code == 200, reply.text
    said = reply.json()
    assert said["choices"][0]["message"]["content"] == "say this"
    assert said["model"] in ("small", "large")
    assert said["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": 2,
        "total_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert (said["apportion"]["cost"], said["apportion"]["unit"]) == (4, "tokens")
    standing = team(door)
    assert (standing.spent, standing.reserved, standing.kept) == (4, 0, 0)
    with session_scope(door.database) as session:
        job = session.get_one(JobRow, said["apportion"]["job_id"])
        assert (job.state, job.task_count) == (JobState.COMPLETED, 1)


def test_a_strategy_is_pinned_by_its_name_and_a_pool_by_its_tag(client: TestClient) -> None:
    open_team(client)
    for model, chosen in (("small", "small"), ("large", "large"), ("auto:big", "large")):
        reply = client.post("/v1/chat/completions", json=ask(model=model, budget={"name": "team"}) | {"model": model})
        assert reply.json()["model"] == chosen


def test_the_price_of_the_budget_decides(client: TestClient, door: FrontDoor) -> None:
    """A job on the budget has left a price at which nothing dear is worth it, then one at which everything is."""
    open_team(client)
    chosen = []
    flat = predict_flat(2, small=(0.2, 5.0), large=(0.9, 20.0))
    job_id = submit(door.database, predictions=flat, objective=budget(500), budget_id=team(door).id)
    for price in (1.0, 0.0):
        with session_scope(door.database) as session:
            tenant = session.execute(select(JobRow.tenant_id).where(JobRow.id == job_id)).scalar_one()
            session.add(price_window(job_id, tenant_id=tenant, price=price))
        reply = client.post("/v1/chat/completions", json=ask("one two", budget={"name": "team"})).json()
        assert reply["apportion"]["price"] == price
        chosen.append(reply["apportion"]["predicted_cost"])
        with session_scope(door.database) as session:
            session.delete(session.execute(select(WindowRow).where(WindowRow.job_id == job_id)).scalar_one())
    assert chosen[0] <= chosen[1]


def price_window(job_id: int, *, tenant_id: str, price: float) -> WindowRow:
    """A window of the job that was claimed and priced."""
    return WindowRow(
        tenant_id=tenant_id,
        job_id=job_id,
        seqs=[],
        state=WindowState.ROUTED,
        fence=1,
        shadow_price=price,
        routed_at=datetime.now(UTC),
    )


def test_a_stream_ends_with_what_it_took(client: TestClient, door: FrontDoor) -> None:
    open_team(client, name="chat")
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    with client.stream("POST", "/v1/chat/completions", json=ask(**options)) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(own["choices"][0]["delta"].get("content", "") for own in chunks[:-1]) == "say this"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert (chunks[-1]["choices"], chunks[-1]["usage"]["total_tokens"]) == ([], 4)
    assert team(door, "chat").spent == 4


def test_what_can_not_be_paid_is_refused_before_anything_is_asked(client: TestClient, door: FrontDoor) -> None:
    open_team(client, "3 tokens")
    reply = client.post("/v1/chat/completions", json=ask(budget={"name": "team"}))
    assert (reply.status_code, reply.json()["error"]["code"]) == (402, "budget_too_small")
    assert "this request can cost" in reply.json()["error"]["message"]
    with session_scope(door.database) as session:
        assert session.execute(select(JobRow).where(JobRow.meta.has_key("chat"))).all() == []
    assert team(door).committed == 0


def test_without_a_budget_a_weight_has_to_be_given(client: TestClient) -> None:
    refused = client.post("/v1/chat/completions", json=ask())
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "budget")
    assert client.post("/v1/chat/completions", json=ask(objective={"weight": 1.0})).status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (ask(model="gpt-9"), "model"),
        ({"model": "gpt-9", "messages": [{"role": "user", "content": "a"}]}, "model"),
        (ask(n=2), "n"),
        (ask(tools=[{"type": "function"}]), "tools"),
        (ask(temprature=0.5), "temprature"),
        (ask(temperature="hot"), "temperature"),
        (ask(stop="."), "stop"),
        (ask(extra={}), "extra"),
        ({"model": "auto", "messages": []}, "messages"),
        (ask(budget={"name": "nobody"}), "budget"),
        (ask("\x00", objective={"weight": 0.5}), "body"),
    ],
)
def test_bad_requests_name_their_field(client: TestClient, body: dict[str, object], param: str) -> None:
    reply = client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"] == param


def test_fields_that_change_no_answer_are_taken(client: TestClient) -> None:
    """Clients send them with every request."""
    harmless = {"user": "u", "metadata": {"a": "b"}, "store": False, "service_tier": "auto", "prompt_cache_key": "k"}
    body = ask(objective={"weight": 1.0}) | harmless | {"safety_identifier": "s", "seed": 1, "temperature": 1}
    assert client.post("/v1/chat/completions", json=body).status_code == 200


def test_who_stops_waiting_is_charged_all_the_same(door: FrontDoor, tmp_path: Path) -> None:
    """The engine takes a while; whoever asked is gone before it answers."""
    file = tmp_path / "slow.yaml"
    file.write_text(STRATEGIES.replace("model: echo,", "model: echo, options: {delay_seconds: 0.3},"), encoding="utf-8")
    open_shared(door.database, name="team", amount=Amount(unit=Unit.TOKENS, quanta=1000), period=None)
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": ask("say this")}

    async def leave_early() -> None:
        room = ChatRoom(door.settings, database=door.database, strategy_file=file)
        task = NewTask(custom_id="a", payload=json.dumps(line))
        asking = asyncio.create_task(room.answer(task, tenant_id="default", budget="team", weight=0.5, meta={}))
        await asyncio.to_thread(wait_until, lambda: team(door).reserved > 0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled()
        await room.close()

    asyncio.run(leave_early())
    standing = team(door)
    assert (standing.spent, standing.reserved, standing.kept) == (4, 0, 0)


def test_engines_with_weights_are_not_loaded_here(door: FrontDoor, tmp_path: Path) -> None:
    file = tmp_path / "heavy.yaml"
    file.write_text(
        "engines:\n  own: {kind: local, model: 'package:no-such-weights', description: here}\n"
        "strategies:\n  - {name: own, engine: own, decoding: {method: direct, max_tokens: 9}}\n",
        encoding="utf-8",
    )
    heavy = build_front_door(
        door.settings,
        database=door.database,
        pool=read_strategy_file(file),
        strategy_file=file,
        desk_is_at_work=lambda: True,
    )
    with TestClient(create_app(heavy), base_url="http://localhost", raise_server_exceptions=False) as asking:
        reply = asking.post("/v1/chat/completions", json=ask(objective={"weight": 0.5}))
    assert (reply.status_code, "kind: openai" in reply.text) == (503, True), reply.text


def read_events(client: TestClient, content: str) -> list[dict[str, Any]]:
    asked = ask(content, stream=True, objective={"weight": 0.5})
    with client.stream("POST", "/v1/chat/completions", json=asked) as reply:
        assert reply.status_code == 200, reply.read()
        lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def list_texts(events: list[dict[str, Any]]) -> list[str]:
    deltas = [own["choices"][0]["delta"] for own in events if own.get("choices")]
    return [delta["content"] for delta in deltas if delta.get("content")]


def test_words_are_told_as_the_engine_writes_them(client: TestClient) -> None:
    assert list_texts(read_events(client, "one two three")) == ["one", " two", " three"]


def test_a_stream_is_refused_as_any_request(client: TestClient) -> None:
    open_team(client, "3 tokens")
    refused = client.post("/v1/chat/completions", json=ask(stream=True, budget={"name": "team"}))
    assert (refused.status_code, refused.json()["error"]["code"]) == (402, "budget_too_small")


def test_what_goes_wrong_once_something_was_said_is_an_event(door: FrontDoor, tmp_path: Path) -> None:
    """The lease is lost between the first word and the last."""
    file = tmp_path / "slow.yaml"
    file.write_text(STRATEGIES.replace("model: echo,", "model: echo, options: {delay_seconds: 0.9},"), encoding="utf-8")
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": ask("one two three")}

    async def listen() -> list[bytes]:
        room, telling = ChatRoom(door.settings, database=door.database, strategy_file=file), Telling()
        task = NewTask(custom_id="a", payload=json.dumps(line))
        answering = asyncio.create_task(
            room.answer(task, tenant_id="default", budget=None, weight=0.5, meta={}, telling=telling)
        )
        answering.add_done_callback(lambda _: telling.end())
        assert await telling.has_begun()
        assert telling.request is not None
        await asyncio.to_thread(lose_lease, door, telling.request.group.id)

        async def settle() -> Mapping[str, Any]:
            with pytest.raises(StaleFence):
                await answering
            raise Unavailable("lost")

        stream = CompletionStream(telling, completion_id="chatcmpl-1", created=1, model="small", with_usage=False)
        events = [event async for event in stream.write(settle())]
        await room.close()
        return events

    first, word, *_, last = asyncio.run(listen())
    assert b'"role": "assistant"' in first
    assert b'"content": "one"' in word
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "unavailable"


def lose_lease(door: FrontDoor, group_id: int) -> None:
    with session_scope(door.database) as session:
        over = func.clock_timestamp() - timedelta(seconds=1)
        session.execute(update(GroupRow).where(GroupRow.id == group_id).values(lease_until=over))
        assert expire_leases(session).groups == 1
