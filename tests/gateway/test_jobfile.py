"""A job file is taken whole or refused with every problem named by file and line."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import JobFileError
from gateway.jobfile import LISTED_PROBLEMS, read_job_file
from gateway.joblines import JobTask, ModelChoice, ModelNames, check_line

MODELS = ModelNames(strategies=frozenset({"direct", "program"}), pools=frozenset({"cheap"}))


def line(custom_id: Any = "a", **changes: Any) -> dict[str, Any]:
    body = {"model": "auto", "messages": [{"role": "user", "content": "How many legs has a spider?"}]}
    grader = {"kind": "exact", "reference": "8"}
    whole = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body, "grader": grader}
    return whole | changes


def write(folder: Path, *lines: dict[str, Any] | str | bytes, ending: bytes = b"\n") -> Path:
    raw = [
        part if isinstance(part, bytes) else (part if isinstance(part, str) else json.dumps(part)).encode()
        for part in lines
    ]
    path = folder / "night.jsonl"
    path.write_bytes(b"".join(part + ending for part in raw))
    return path


def read(path: Path, **options: Any) -> list[JobTask]:
    return list(read_job_file(path, models=MODELS, **options))


def problems_of(path: Path, **options: Any) -> list[str]:
    with pytest.raises(JobFileError) as refused:
        read(path, **options)
    return [problem.removeprefix(str(path)) for problem in refused.value.problems]


def test_tasks_come_in_file_order_with_their_verbatim_line(tmp_path: Path) -> None:
    odd = json.dumps(line("zwei"), indent=None, separators=(", ", " : "), ensure_ascii=False)
    tasks = read(write(tmp_path, line("one"), odd))
    assert [task.custom_id for task in tasks] == ["one", "zwei"]
    assert tasks[1].payload == odd
    assert tasks[0].prompt.question == "How many legs has a spider?"
    assert tasks[0].grader is not None


def test_bom_crlf_and_blank_lines_are_taken_off_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + json.dumps(line("a")).encode(), b"", b"   ", line("b"), ending=b"\r\n")
    assert [(task.custom_id, task.line_number) for task in read(path)] == [("a", 1), ("b", 4)]
    assert not read(path)[0].payload.endswith("\r")


def test_the_last_line_needs_no_ending(tmp_path: Path) -> None:
    path = tmp_path / "night.jsonl"
    path.write_text(json.dumps(line()))
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("model", "expected"),
    [("auto", ModelChoice()), ("auto:cheap", ModelChoice(pool="cheap")), ("program", ModelChoice(strategy="program"))],
)
def test_model_says_who_may_answer(tmp_path: Path, model: str, expected: ModelChoice) -> None:
    body = line()["body"] | {"model": model}
    assert read(write(tmp_path, line(body=body)))[0].model == expected


def test_a_completions_line_is_taken(tmp_path: Path) -> None:
    body = {"model": "auto", "prompt": "The river through Vienna is"}
    assert read(write(tmp_path, line(url="/v1/completions", body=body)))[0].url == "/v1/completions"


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("{", ":1: not JSON: Expecting property name enclosed in double quotes at column 2; one JSON object per line"),
        ("[1]", ":1: holds a list; give one JSON object per line"),
        ("NaN", ":1: not JSON: NaN is no JSON number; leave it out or write a number"),
        ("[" * 100_000, ":1: nested too deep to read; flatten it"),
        (b"\xff\xfea\x00", ":1: the file is UTF-16; save it as UTF-8"),
        (b'{"a": "\xfc"}', ":1: byte 8 (0xfc) is not UTF-8; save the file as UTF-8"),
        (b'{"a": \x00}', ":1: byte 7 is NUL; remove it (was the file cut off or is it not text?)"),
        (line(custom_id=None), ":1: custom_id: is missing; give every line a name of its own"),
        (line(custom_id=7), ":1: custom_id: is a number; give a string that is not blank"),
        (line(custom_id="a\x00b"), ":1: custom_id: holds the character U+0000, which can not be stored; remove it"),
        (line(custom_id="\ud800"), ":1: custom_id: holds the character U+D800, which can not be stored; remove it"),
        (line(method="GET"), ':1: method: is "GET"; write "POST"'),
        (line(url="/v1/embeddings"), ':1: url: is "/v1/embeddings"; write "/v1/chat/completions" or "/v1/completions"'),
        (
            line(url=["/v1/completions"]),
            ':1: url: is ["/v1/completions"]; write "/v1/chat/completions" or "/v1/completions"',
        ),
        (line(body="hello"), ":1: body: is a string; give the request as a JSON object"),
        (line(body={"model": "auto"}), ":1: body.messages: is missing; /v1/chat/completions asks with messages"),
        (line(grader="exact"), ":1: grader: is a string; give an object with kind and reference, or leave it out"),
        (line(graders={}), ":1: graders: is not a field of a line; did you mean grader?"),
        (
            line(body=line()["body"] | {"temprature": 0}),
            ":1: body.temprature: is not a field of a request's body (did you mean 'temperature'?)",
        ),
        (
            line(body=line()["body"] | {"stop": ["\n"]}),
            ":1: body.stop: where an answer ends belongs to the strategy; set it there, or say it in the prompt",
        ),
        ('{"custom_id": "a", "custom_id": "b"}', ":1: custom_id: is given twice in one object; keep one of the two"),
    ],
)
def test_a_bad_line_is_named_with_its_remedy(tmp_path: Path, bad: Any, expected: str) -> None:
    assert expected in problems_of(write(tmp_path, bad))


def test_an_escaped_backslash_before_u0000_is_ordinary_text(tmp_path: Path) -> None:
    assert read(write(tmp_path, line(custom_id="\\u0000")))[0].custom_id == "\\u0000"


def test_an_unknown_model_lists_the_strategies(tmp_path: Path) -> None:
    body = line()["body"] | {"model": "gpt-4o"}
    assert problems_of(write(tmp_path, line(body=body))) == [
        ':1: body.model: is "gpt-4o"; write "auto" to route, or a strategy: direct, program'
    ]


def test_an_unknown_pool_lists_the_pools(tmp_path: Path) -> None:
    body = line()["body"] | {"model": "auto:dear"}
    assert "the strategy file has: cheap" in problems_of(write(tmp_path, line(body=body)))[0]


def test_an_unknown_grader_is_named(tmp_path: Path) -> None:
    found = problems_of(write(tmp_path, line(grader={"kind": "vibes", "reference": "8"})))[0]
    assert found.startswith(":1: grader")
    assert "vibes" in found


def test_a_duplicate_custom_id_names_both_lines_even_beside_other_problems(tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), line("b"), line("a", method="GET"))
    assert ':3: custom_id: "a" is already the name of line 1; give each line its own' in problems_of(path)


def test_mixed_endpoints_name_both_lines(tmp_path: Path) -> None:
    other = line("b", url="/v1/completions", body={"model": "auto", "prompt": "x"})
    found = problems_of(write(tmp_path, line("a"), other))
    assert found == [
        ":2: url: is /v1/completions, line 1 has /v1/chat/completions; a file holds requests for one endpoint"
    ]


def test_a_line_over_the_limit_is_skipped_without_being_held(tmp_path: Path) -> None:
    path = write(tmp_path, line("a"), b"x" * 5_000, line("b"), b"not json")
    found = problems_of(path, max_line_bytes=1024)
    assert found[0] == ":2: the line is longer than 0.000976562 MiB; split the task or shorten its prompt"
    assert found[1].startswith(":4: not JSON")


def test_every_problem_is_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path, *["{"] * (LISTED_PROBLEMS + 5))
    with pytest.raises(JobFileError) as refused:
        read(path)
    assert len(refused.value.problems) == LISTED_PROBLEMS
    assert str(refused.value).endswith(f"{path}: and 5 more problems")


def test_no_task_is_given_after_the_first_problem(tmp_path: Path) -> None:
    tasks = read_job_file(write(tmp_path, line("a"), "{", line("b")), models=MODELS)
    assert next(tasks).custom_id == "a"
    with pytest.raises(JobFileError):
        next(tasks)


def test_an_empty_a_missing_and_a_folder(tmp_path: Path) -> None:
    assert problems_of(write(tmp_path, b"", b"  ")) == [": holds no tasks; write one JSON object per line"]
    assert problems_of(tmp_path / "missing.jsonl") == [": no such file; check the name"]
    assert problems_of(tmp_path) == [": is a folder; name the .jsonl file in it"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["custom_id", "method", "url", "body", "grader"])


@settings(max_examples=150)
@given(st.dictionaries(fields, json_values))
def test_any_json_is_either_a_task_or_a_named_problem(changes: dict[str, Any]) -> None:
    checked = check_line(json.dumps(line() | changes), line_number=1, models=MODELS)
    assert (checked.task is None) == bool(checked.problems)


@settings(max_examples=100)
@given(st.text())
def test_any_text_is_either_a_task_or_a_named_problem(text: str) -> None:
    assert check_line(text, line_number=1, models=MODELS).problems
