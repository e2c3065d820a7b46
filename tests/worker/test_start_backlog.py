"""The tasks that a worker has claimed and not started: another group is claimed when few are left."""

from worker.start_backlog import StartBacklog


def test_another_group_is_wanted_once_few_tasks_are_left() -> None:
    calls: list[str] = []
    backlog = StartBacklog(enough=lambda: 10, on_low=lambda: calls.append("low"))
    assert backlog.is_low
    backlog.note(1, 9)
    assert backlog.is_low
    backlog.note(2, 9)
    assert not backlog.is_low
    backlog.note(1, 2)
    assert calls == []
    backlog.note(1, 0)
    assert backlog.is_low
    backlog.note(2, 5)
    assert calls == ["low"]


def test_a_group_that_ends_leaves_nothing_behind() -> None:
    calls: list[str] = []
    backlog = StartBacklog(enough=lambda: 10, on_low=lambda: calls.append("low"))
    backlog.note(1, 20)
    backlog.drop(1)
    assert backlog.is_low
    assert calls == ["low"]
