"""Forms of the dashboard: taken only from its own pages."""

import hmac
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from gateway.api.errors import InvalidRequest, NotPermitted
from gateway.dashboard.visitor import find_visit, find_visits

TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field


async def _read_form(request: Request) -> AsyncIterator[FormData]:
    """The fields, once it is clear that this visit's own page sent them; files last as long as the request."""
    _require_same_origin(request)
    async with request.form() as form:
        sent = form.get(TOKEN_FIELD)
        wanted = find_visits(request).form_token(find_visit(request))
        if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), wanted.encode()):
            raise NotPermitted("This form is not of your visit, or is older than the server: load its page again.")
        yield form


Form = Annotated[FormData, Depends(_read_form)]


def read_text(form: FormData, name: str) -> str:
    """A field of the form, without space at its ends; InvalidRequest when it is empty."""
    value = form.get(name)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise InvalidRequest(f"The field {name.replace('_', ' ')} is empty.", param=name)
    return text


def read_upload(form: FormData, name: str) -> UploadFile:
    """A file of the form; InvalidRequest when none was chosen."""
    value = form.get(name)
    if not isinstance(value, UploadFile) or not value.filename:
        raise InvalidRequest("No file was chosen.", param=name)
    return value


def _require_same_origin(request: Request) -> None:
    """Browsers say where a form came from; what does not say so is held to the token alone."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotPermitted("This form was sent by another site.")
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise NotPermitted(f"This form was sent by {origin}.")
