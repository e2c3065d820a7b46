"""What went wrong, as a page."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from gateway.api.errors import ApiError
from gateway.dashboard.pages import render_page
from gateway.dashboard.visitor import NotSignedIn
from router.errors import AmountError
from worker.errors import BudgetUnusable, JobNotDriveable

# What the functions behind the actions refuse, with the status that says so.
REFUSALS: dict[type[Exception], HTTPStatus] = {
    AmountError: HTTPStatus.BAD_REQUEST,
    BudgetUnusable: HTTPStatus.CONFLICT,
    JobNotDriveable: HTTPStatus.CONFLICT,
}


def answer_with_pages(app: FastAPI) -> None:
    """Give every refusal a page that says what and why."""
    app.add_exception_handler(NotSignedIn, _lead_to_sign_in)
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_address)
    app.add_exception_handler(OperationalError, _answer_outage)
    app.add_exception_handler(Exception, _answer_surprise)
    for refusal in REFUSALS:
        app.add_exception_handler(refusal, _answer_refusal)


def show_error(request: Request, message: str, *, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """A page with the message as its heading says it."""
    values = {"status": status, "phrase": HTTPStatus(status).phrase, "message": message}
    page = render_page(request, "error.html.j2", values, status=status)
    page.headers.update(headers or {})
    return page


async def _lead_to_sign_in(request: Request, _: Exception) -> Response:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/sign-in", status_code=303)


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return show_error(request, str(error), status=error.status, headers=error.headers)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = "There is nothing at this address." if error.status_code == HTTPStatus.NOT_FOUND else error.detail
    return show_error(request, told, status=error.status_code)


async def _answer_address(request: Request, _: Exception) -> Response:
    return show_error(request, "There is nothing at this address.", status=HTTPStatus.NOT_FOUND)


async def _answer_outage(request: Request, _: Exception) -> Response:
    message = "the database does not answer; try again in a moment"
    return show_error(request, message, status=HTTPStatus.SERVICE_UNAVAILABLE)


async def _answer_surprise(request: Request, _: Exception) -> Response:
    message = f"an error of the server's own; its log has it under {request.state.request_id}"
    return show_error(request, message, status=HTTPStatus.INTERNAL_SERVER_ERROR)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    return show_error(request, str(error), status=REFUSALS[type(error)])
