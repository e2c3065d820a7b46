"""Metrics, for Prometheus."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from db.metrics import MetricsScope
from gateway.api.callers import Caller
from gateway.api.front_door import Door
from gateway.api.metrics import write_metrics
from worker.submission import TENANT

routes = APIRouter(tags=["health"])

# Figures are text, errors are JSON as everywhere: left to itself, the document would have one type for both.
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorReply"}}}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; the message says what and why.", "content": _ERROR},
    "5XX": {"description": "Not answered; the same request may succeed later.", "content": _ERROR},
}


@routes.get("/metrics", response_class=PlainTextResponse, responses=_REFUSALS)
def read_metrics(door: Door, caller: Caller) -> Response:
    """What stands in the database, in Prometheus's text format: all tenants' figures for the server's own tenant.

    A key of another tenant is told that tenant's figures alone.
    """
    scope = MetricsScope(own=caller.tenant_id, alone=caller.tenant_id != TENANT)
    return Response(write_metrics(door.database, scope=scope), media_type=CONTENT_TYPE_LATEST)
