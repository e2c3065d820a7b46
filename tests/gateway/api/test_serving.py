"""The server and its desk as processes: killed, started again, refused."""

import os
import signal
import socket
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.desk.keeper import DeskKeeper
from gateway.exit_codes import ExitCode
from tests.gateway.api.live_server import serve
from tests.gateway.api.office import open_office
from tests.gateway.api.trained import copy_database, write_lines, write_strategies
from tests.waiting import wait_until
from worker.settings import Settings

CHECKOUT = Path(__file__).parent.parent.parent.parent


def find_desks(parent: int | None = None) -> list[psutil.Process]:
    children = psutil.Process(parent).children()
    return [child for child in children if child.is_running() and "gateway.desk" in child.cmdline()]


def test_a_desk_that_is_killed_is_started_again_and_goes_on(
    server_url: str, trained_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    with (
        copy_database(server_url, name="office_killed", template=trained_template) as url,
        open_office(url, tmp_path) as office,
        DeskKeeper(office.door.settings, strategy_file=tmp_path / "strategies.yaml") as keeper,
    ):
        batch = office.submit(write_lines(400), strategies=["patient"])
        office.wait(batch["id"], until=lambda now: now["request_counts"]["completed"] > 0)
        (desk,) = find_desks()
        os.kill(desk.pid, signal.SIGKILL)
        wait_until(lambda: not keeper.is_at_work)
        assert office.wait(batch["id"])["request_counts"]["completed"] == 400
        assert keeper.is_at_work
        assert find_desks() != [desk]
    assert find_desks() == []


def test_a_bare_machine_serves_on_a_database_of_its_own(open_directory: Path, tmp_path: Path) -> None:
    settings = Settings(
        strategies=write_strategies(tmp_path),
        data_directory=open_directory / "data",
        cache_directory=tmp_path / "cache",
    )
    with serve(settings) as address:
        base = address.removesuffix("/v1")
        assert httpx.get(f"{base}/readyz").json() == {"status": "ready"}
        assert httpx.get(f"{address}/batches").json()["data"] == []
        assert httpx.get(f"{address}/files", headers={"host": "elsewhere.example"}).status_code == 401


def test_what_can_not_be_served_is_said(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPORTION_DATABASE_URL", database_url)
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setenv("COLUMNS", "200")
    words = ["serve", "--strategies", str(write_strategies(tmp_path))]
    open_to_all = CliRunner().invoke(app, [*words, "--host", "0.0.0.0"])
    assert open_to_all.exit_code == ExitCode.USAGE
    assert "there are no API keys: make one with" in open_to_all.output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = CliRunner().invoke(app, [*words, "--port", str(port)])
    assert refused.exit_code == ExitCode.USAGE
    assert f"port {port} of 127.0.0.1 can not be listened at" in refused.output
