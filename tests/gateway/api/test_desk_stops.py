"""A desk that stops leaves nothing behind that uses the database."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import event

from db.session import session_scope
from gateway.bootstrap import build_file_store
from gateway.desk.desk import Desk
from tests.gateway.api.office import make_settings
from tests.gateway.api.trained import copy_database
from worker.bootstrap import open_workshop


def test_a_step_that_is_short_is_waited_for(
    server_url: str, trained_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, seen = threading.Event(), threading.Event()

    def plan_slowly(desk: Desk) -> bool:
        with session_scope(desk._database) as session:
            session.connection()
            looking.set()
            seen.wait(0.5)  # longer than it takes the desk to stop
        return False

    monkeypatch.setattr(Desk, "plan_next", plan_slowly)
    with copy_database(server_url, name="desk_stops", template=trained_template) as url:
        settings = make_settings(url, tmp_path)
        assert settings.strategies is not None
        stopping, used = threading.Event(), set[int]()
        with open_workshop(settings, strategy_file=settings.strategies, watch=lambda _: None) as workshop:
            event.listen(workshop.database, "checkout", lambda _, record, __: used.add(id(record)))
            event.listen(workshop.database, "checkin", lambda _, record: used.discard(id(record)))
            desk = threading.Thread(target=Desk(workshop, build_file_store(settings)).run, args=(stopping,))
            desk.start()
            assert looking.wait(20)
            stopping.set()
            desk.join()
            assert not used
