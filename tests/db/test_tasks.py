import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from db.errors import DuplicateCustomId, UnstorableText
from db.jobs import read_job
from db.session import session_scope
from db.tables import TaskRow
from db.tasks import NewTask, StoredTask, copy_tasks, read_tasks
from tests.db.building import build_job

AWKWARD = [
    "tab\there",
    "line\nfeed and\r\ncarriage return",
    "back\\slash \\n \\N \\. \\x41",
    "\\.",
    "",
    " leading and trailing ",
    "Grüße, 世界, \U0001f680, e\u0301, \u202e right to left",
    "\x01\x08\x0b\x0c\x1f\x7f",
    '{"custom_id": "a", "body": {"text": "\\u0000"}}',
    "x" * 1_000_000,
]


def copy(engine: Engine, job_id: int, tasks: list[NewTask]) -> int:
    with session_scope(engine) as session:
        return copy_tasks(session, job_id=job_id, tasks=tasks)


def read_all(engine: Engine, job_id: int) -> list[StoredTask]:
    with session_scope(engine) as session:
        count = read_job(session, job_id=job_id).task_count
        return read_tasks(session, job_id=job_id, seqs=range(count))


def stored_tasks(engine: Engine) -> int:
    with session_scope(engine) as session:
        return session.execute(select(func.count()).select_from(TaskRow)).scalar_one()


@pytest.fixture
def job_id(db_engine: Engine) -> int:
    with session_scope(db_engine) as session:
        return build_job(session, tasks=0).id


def test_awkward_texts_come_back_as_they_went_in(db_engine: Engine, job_id: int) -> None:
    tasks = [NewTask(custom_id=f"{number} {text[:40]}", payload=text) for number, text in enumerate(AWKWARD)]
    assert copy(db_engine, job_id, tasks) == len(AWKWARD)
    stored = read_all(db_engine, job_id)
    assert [(task.custom_id, task.payload) for task in stored] == [(task.custom_id, task.payload) for task in tasks]
    assert [task.seq for task in stored] == list(range(len(AWKWARD)))


STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(STORABLE, max_size=10, unique=True))
def test_any_storable_text_comes_back(db_engine: Engine, texts: list[str]) -> None:
    with session_scope(db_engine) as session:
        job_id = build_job(session, tasks=0).id
        copy_tasks(session, job_id=job_id, tasks=[NewTask(custom_id=text, payload=text) for text in texts])
        stored = read_tasks(session, job_id=job_id, seqs=range(len(texts)))
    assert [task.payload for task in stored] == [task.custom_id for task in stored] == texts


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (
            NewTask(custom_id="a", payload="ab\x00c"),
            "task a has a NUL character at character 2, which Postgres can not",
        ),
        (NewTask(custom_id="a\x00", payload="b"), "the custom_id of task 1 has a NUL character at character 1"),
        (NewTask(custom_id="a", payload="\ud800"), "task a has a lone surrogate at character 0"),
    ],
)
def test_what_postgres_can_not_hold_is_refused_by_name_and_nothing_is_stored(
    db_engine: Engine, job_id: int, task: NewTask, message: str
) -> None:
    with pytest.raises(UnstorableText, match=message):
        copy(db_engine, job_id, [NewTask(custom_id="fine", payload="fine"), task])
    assert stored_tasks(db_engine) == 0
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=job_id).task_count == 0


def test_a_custom_id_is_stored_once_in_a_job(db_engine: Engine, job_id: int) -> None:
    with pytest.raises(
        DuplicateCustomId, match=rf"job {job_id} has two tasks with the same custom_id: .*=\({job_id}, a\)"
    ):
        copy(db_engine, job_id, [NewTask(custom_id="a", payload=""), NewTask(custom_id="a", payload="")])
    assert stored_tasks(db_engine) == 0


def test_a_second_copy_is_numbered_on(db_engine: Engine, job_id: int) -> None:
    copy(db_engine, job_id, [NewTask(custom_id="a", payload="1")])
    assert copy(db_engine, job_id, [NewTask(custom_id="b", payload="2"), NewTask(custom_id="c", payload="3")]) == 2
    with session_scope(db_engine) as session:
        assert read_job(session, job_id=job_id).task_count == 3
        back = read_tasks(session, job_id=job_id, seqs=[2, 0, 1])
    assert [(task.seq, task.custom_id) for task in back] == [(2, "c"), (0, "a"), (1, "b")]
