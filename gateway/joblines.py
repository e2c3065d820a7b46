"""One line of a job file, checked field by field."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple, TypeVar

from gateway.jsonline import BadFieldError, FieldProblem, json_kind, parse_object, shown
from router.decoding.body_fields import check_body_fields
from router.decoding.task_prompt import TaskPrompt, parse_task_prompt
from router.errors import BadTaskBody, GraderError
from router.grading import Grader, parse_grader
from router.strategy import Strategy

CHAT_URL = "/v1/chat/completions"
COMPLETION_URL = "/v1/completions"
PROMPT_FIELDS = {CHAT_URL: "messages", COMPLETION_URL: "prompt"}
LINE_FIELDS = ("custom_id", "method", "url", "body", "grader")
MAX_CUSTOM_ID_CHARACTERS = 512
Checked = TypeVar("Checked")


@dataclass(frozen=True, kw_only=True)
class ModelNames:
    """What `body.model` may say besides "auto": a strategy's name pins it, "auto:<pool>" routes among a pool."""

    strategies: frozenset[str]
    pools: frozenset[str] = frozenset()


def name_models(strategies: Sequence[Strategy]) -> ModelNames:
    """What lines may say where these strategies may serve them."""
    return ModelNames(
        strategies=frozenset(strategy.name for strategy in strategies),
        pools=frozenset(tag for strategy in strategies for tag in strategy.tags),
    )


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """What a line asks for: one strategy, one pool, or (neither) every strategy."""

    strategy: str | None = None
    pool: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobTask:
    """One task as its line states it."""

    line_number: int
    custom_id: str
    payload: str  # the line as it stands in the file, without its line ending
    url: str
    model: ModelChoice
    prompt: TaskPrompt
    grader: Grader | None


class CheckedLine(NamedTuple):
    """A task, or why there is none; name and endpoint are there whenever they could be read."""

    task: JobTask | None
    problems: tuple[FieldProblem, ...]
    custom_id: str | None = None
    url: str | None = None


def check_line(text: str, *, line_number: int, models: ModelNames) -> CheckedLine:
    """The task on this line, or every problem found on it."""
    try:
        line = parse_object(text)
    except BadFieldError as error:
        return CheckedLine(None, (error.problem,))
    problems: list[FieldProblem] = [_unknown_field(name) for name in line if name not in LINE_FIELDS]

    def take(check: Callable[[Mapping[str, Any]], Checked]) -> Checked | None:
        try:
            return check(line)
        except BadFieldError as error:
            problems.append(error.problem)
            return None

    custom_id, _, url = take(_check_custom_id), take(_check_method), take(_check_url)
    model = take(lambda fields: _check_model(fields, models))
    prompt, grader = take(_check_prompt), take(_check_grader)
    if problems or custom_id is None or url is None or model is None or prompt is None:
        distinct = tuple(dict.fromkeys(problems))  # a missing body is missing for its model and for its prompt
        return CheckedLine(None, distinct, custom_id, url)
    task = JobTask(
        line_number=line_number,
        custom_id=custom_id,
        payload=text,
        url=url,
        model=model,
        prompt=prompt,
        grader=grader,
    )
    return CheckedLine(task, (), custom_id, url)


def _unknown_field(name: str) -> FieldProblem:
    near = get_close_matches(name, LINE_FIELDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"a line has {', '.join(LINE_FIELDS[:-1])} and grader"
    return FieldProblem(name, f"is not a field of a line; {hint}")


def _check_custom_id(line: Mapping[str, Any]) -> str:
    """The line's own name for the task."""
    custom_id = line.get("custom_id")
    if custom_id is None:
        raise BadFieldError("custom_id", "is missing; give every line a name of its own")
    if not isinstance(custom_id, str) or not custom_id.strip():
        raise BadFieldError("custom_id", f"is {json_kind(custom_id)}; give a string that is not blank")
    if len(custom_id) > MAX_CUSTOM_ID_CHARACTERS:
        found = f"has {len(custom_id):,} characters, at most {MAX_CUSTOM_ID_CHARACTERS} are kept; shorten it"
        raise BadFieldError("custom_id", found)
    return custom_id


def _check_method(line: Mapping[str, Any]) -> str:
    method = line.get("method")
    if method != "POST":
        found = "is missing" if method is None else f"is {shown(method)}"
        raise BadFieldError("method", f'{found}; write "POST"')
    return "POST"


def _check_url(line: Mapping[str, Any]) -> str:
    url = line.get("url")
    if url in (CHAT_URL, COMPLETION_URL):
        return str(url)
    found = "is missing" if url is None else f"is {shown(url)}"
    raise BadFieldError("url", f'{found}; write "{CHAT_URL}" or "{COMPLETION_URL}"')


def _body(line: Mapping[str, Any]) -> Mapping[str, Any]:
    body = line.get("body")
    if not isinstance(body, dict):
        found = "is missing" if body is None else f"is {json_kind(body)}"
        raise BadFieldError("body", f"{found}; give the request as a JSON object")
    return body


def _check_model(line: Mapping[str, Any], models: ModelNames) -> ModelChoice:
    model = _body(line).get("model")
    if model == "auto":
        return ModelChoice()
    if isinstance(model, str) and model in models.strategies:
        return ModelChoice(strategy=model)
    if isinstance(model, str) and model.startswith("auto:"):
        return _check_pool(model.removeprefix("auto:"), models.pools)
    found = "is missing" if model is None else f"is {shown(model)}"
    raise BadFieldError("body.model", f'{found}; write "auto" to route, or a strategy: {_listed(models.strategies)}')


def _check_pool(pool: str, pools: Collection[str]) -> ModelChoice:
    if pool in pools:
        return ModelChoice(pool=pool)
    remedy = f"the strategy file has: {_listed(pools)}" if pools else "no strategy has a tag, so there are no pools"
    raise BadFieldError("body.model", f"names the pool {shown(pool)}, which no strategy has as a tag; {remedy}")


def _check_prompt(line: Mapping[str, Any]) -> TaskPrompt:
    body, url = _body(line), line.get("url")
    wanted = PROMPT_FIELDS.get(url) if isinstance(url, str) else None
    if wanted and wanted not in body:
        raise BadFieldError(f"body.{wanted}", f"is missing; {url} asks with {wanted}")
    try:
        check_body_fields(body)
        return parse_task_prompt(body)
    except BadTaskBody as error:
        raise BadFieldError(f"body.{error.field}".removesuffix("."), error.reason) from None


def _check_grader(line: Mapping[str, Any]) -> Grader | None:
    grader = line.get("grader")
    if grader is None:
        return None
    if not isinstance(grader, dict):
        found = f"is {json_kind(grader)}; give an object with kind and reference, or leave it out"
        raise BadFieldError("grader", found)
    try:
        return parse_grader(grader)
    except GraderError as error:
        raise BadFieldError("grader", str(error)) from None


def _listed(names: Collection[str]) -> str:
    shown = sorted(names)[:12]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
