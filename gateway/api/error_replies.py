"""From what went wrong to OpenAI's error object: `{"error": {"message", "type", "param", "code"}}`, all four always."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from gateway.api.errors import ApiError, InvalidRequest, Unavailable


class ErrorFields(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(frozen=True)

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorReply(BaseModel):
    """The body of every reply that is not a success."""

    model_config = ConfigDict(frozen=True)

    error: ErrorFields


def reply_with_error(error: ApiError) -> JSONResponse:
    """The error as it leaves."""
    return _reply(error.status, str(error), error.type, param=error.param, code=error.code, headers=error.headers)


def describe_error(error: ApiError) -> dict[str, str | None]:
    """OpenAI's error object, for where a reply has begun already."""
    return {"message": str(error), "type": error.type, "param": error.param, "code": error.code}


def reply_to_surprise(request_id: str) -> JSONResponse:
    """What is told of an error nobody foresaw: the log has the rest under this id."""
    return _reply(500, f"an error of the server's own; its log has it under {request_id}", "server_error")


def answer_errors(app: FastAPI) -> None:
    """Give every refusal OpenAI's shape, the framework's own ones among them."""
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(OperationalError, _answer_outage)


def _reply(
    status: int,
    message: str,
    kind: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status_code=status, headers=headers)


async def _answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return reply_with_error(error)


async def _answer_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first, *others = error.errors()
    param = _name_field(first["loc"])
    more = f" (and {len(others)} more problems)" if others else ""
    return reply_with_error(InvalidRequest(f"{param or 'the body'}: {_explain(first)}{more}", param=param))


async def _answer_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    kind = "invalid_request_error" if error.status_code < 500 else "server_error"
    return _reply(error.status_code, error.detail, kind, code=phrase, headers=error.headers)


async def _answer_outage(_: Request, error: Exception) -> Response:
    return reply_with_error(Unavailable("the database does not answer; try again in a moment"))


def _name_field(location: Sequence[Any]) -> str | None:
    """Where in the body, the query or the headers; None for the body as a whole."""
    place, *names = location
    if place == "body" and (not names or isinstance(names[0], int)):
        return None  # a number is where in its text
    return ".".join(map(str, names)) or None


def _explain(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "json_invalid":
        return f"is not JSON: {problem['ctx']['error']} at character {problem['loc'][-1]}"
    message: str = problem["msg"]
    return message.removeprefix("Value error, ")
