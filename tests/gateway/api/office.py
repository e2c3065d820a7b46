"""A server without a socket: the application, its desk, and what a client does with them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine
from starlette.testclient import TestClient

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.bootstrap import build_file_store, build_front_door
from gateway.desk.desk import Desk
from gateway.desk.open_desk import run_desk
from tests.gateway.api.trained import STRATEGIES, write_strategies
from tests.waiting import wait_until
from worker.bootstrap import open_workshop
from worker.pool import read_strategy_file
from worker.settings import Settings

FINAL = ("completed", "failed", "expired", "cancelled")


class Office:
    """Asks as a client does."""

    def __init__(self, door: FrontDoor, client: TestClient) -> None:
        self.door, self.client = door, client

    def upload(self, content: bytes) -> str:
        """The id of a file."""
        reply = self.client.post("/v1/files", files={"file": ("in.jsonl", content)}, data={"purpose": "batch"})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["id"])

    def submit(self, content: bytes, *, headers: Mapping[str, str] | None = None, **fields: object) -> dict[str, Any]:
        """A batch of these lines."""
        asked = batch_of(self.upload(content), **fields)
        reply = self.client.post("/v1/batches", json=asked, headers=headers)
        assert reply.status_code == 200, reply.text
        batch: dict[str, Any] = reply.json()
        return batch

    def read(self, batch_id: str) -> dict[str, Any]:
        """The batch as it stands."""
        batch: dict[str, Any] = self.client.get(f"/v1/batches/{batch_id}").json()
        return batch

    def wait(self, batch_id: str, *, until: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """The batch once it is so; else once it is at its end."""
        holds = until or (lambda batch: batch["status"] in FINAL)
        wait_until(lambda: holds(self.read(batch_id)), seconds=90)
        return self.read(batch_id)

    def lines(self, file_id: str) -> dict[str, dict[str, Any]]:
        """The lines of a file by their custom_id."""
        reply = self.client.get(f"/v1/files/{file_id}/content")
        assert reply.status_code == 200, reply.text
        return {line["custom_id"]: line for line in map(json.loads, reply.text.splitlines())}

    def cancel(self, batch_id: str) -> dict[str, Any]:
        """What cancelling answers."""
        batch: dict[str, Any] = self.client.post(f"/v1/batches/{batch_id}/cancel").json()
        return batch


def batch_of(file_id: str, **fields: object) -> dict[str, object]:
    """The body that asks for a batch."""
    return {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **fields}


def make_settings(url: str, folder: Path, *, strategies: str = STRATEGIES) -> Settings:
    """Of a server on this database."""
    file = write_strategies(folder, strategies)
    return Settings(database_url=url, strategies=file, data_directory=folder, cache_directory=folder / "cache")


@contextmanager
def open_office(url: str, folder: Path, *, strategies: str = STRATEGIES) -> Iterator[Office]:
    """Without anybody at its desk."""
    settings, database = make_settings(url, folder, strategies=strategies), create_engine(url)
    assert settings.strategies is not None
    door = build_front_door(
        settings,
        database=database,
        pool=read_strategy_file(settings.strategies),
        strategy_file=settings.strategies,
        desk_is_at_work=lambda: True,
    )
    with TestClient(create_app(door), base_url="http://localhost") as client:
        yield Office(door, client)
    database.dispose()


@contextmanager
def at_the_desk(settings: Settings, *, answering: bool) -> Iterator[None]:
    """Somebody at the desk for as long as the block lasts, and, if wanted, engines."""
    stopping, ended = threading.Event(), []

    def work() -> None:
        if answering:
            ended.append(run_desk(settings, stopping=stopping))
            return
        assert settings.strategies is not None
        with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as workshop:
            Desk(workshop, build_file_store(settings)).run(stopping)
            ended.append(0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
    assert ended == [0]
