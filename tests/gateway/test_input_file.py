"""The check of an input file finds what is wrong wherever it is; files are complete or not there."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.desk.input_file import LISTED_PROBLEMS, check_input_file, read_tasks
from gateway.file_store import FileStore, derive_file_id, make_file_id
from gateway.joblines import CHAT_URL, ModelNames

MODELS = ModelNames(strategies=frozenset({"small"}))


def write(folder: Path, names: list[str]) -> Path:
    path = folder / "in.jsonl"
    body = {"model": "auto", "messages": [{"role": "user", "content": "?"}]}
    lines = [{"custom_id": name, "method": "POST", "url": CHAT_URL, "body": body} for name in names]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


@given(names=st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=LISTED_PROBLEMS))
def test_every_name_given_twice_is_found_with_its_first_line(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), names)
        checked = check_input_file(path, endpoint=CHAT_URL, models=MODELS, max_lines=100)
        assert [task.custom_id for task in read_tasks(path)] == names
    doubles = [(number, names.index(name) + 1) for number, name in enumerate(names, 1) if name in names[: number - 1]]
    assert [(problem.line, problem.param) for problem in checked.problems] == [
        (line, "custom_id") for line, _ in doubles
    ]
    for problem, (_, first) in zip(checked.problems, doubles, strict=True):
        assert f"is already the name of line {first};" in problem.message
    assert checked.lines == len(names)


def test_a_batch_has_at_most_so_many_lines(tmp_path: Path) -> None:
    path = write(tmp_path, ["a", "b", "c"])
    (problem,) = check_input_file(path, endpoint=CHAT_URL, models=MODELS, max_lines=2).problems
    assert (problem.code, problem.line) == ("too_many_lines", 3)


def test_lines_of_another_endpoint_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, ["a"])
    (problem,) = check_input_file(path, endpoint="/v1/completions", models=MODELS, max_lines=2).problems
    assert (problem.code, problem.param) == ("mismatched_endpoint", "url")


def test_a_file_is_complete_or_not_there(tmp_path: Path) -> None:
    store, file_id = FileStore(tmp_path / "files"), make_file_id()
    with suppress(RuntimeError), store.writing(file_id) as content:
        content.write(b"half")
        raise RuntimeError
    assert list((tmp_path / "files").iterdir()) == []
    with store.writing(file_id) as content:
        content.write(b"whole")
        assert not store.path_of(file_id).exists()
    assert store.path_of(file_id).read_bytes() == b"whole"
    assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700
    assert store.list_old() == []


@pytest.mark.parametrize("file_id", ["", "..", "file-../x", "/etc/passwd", "file-" + "A" * 32, "file-" + "0" * 33])
def test_no_other_name_leads_into_the_folder(tmp_path: Path, file_id: str) -> None:
    with pytest.raises(ValueError, match="is no id of a file"):
        FileStore(tmp_path).path_of(file_id)


def test_derived_ids_are_ids_and_differ(tmp_path: Path) -> None:
    ids = {derive_file_id("batch_1", name) for name in ("output", "error")} | {derive_file_id("batch_2", "output")}
    assert len(ids) == 3
    for file_id in ids:
        FileStore(tmp_path).path_of(file_id)
