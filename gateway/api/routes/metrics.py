"""Metrics, for Prometheus."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from db.metrics import MetricsScope
from gateway.api.callers import Caller
from gateway.api.front_door import Door
from gateway.api.metrics import write_metrics
from worker.submission import TENANT

routes = APIRouter(tags=["health"])


@routes.get("/metrics", response_class=PlainTextResponse)
def read_metrics(door: Door, caller: Caller) -> Response:
    """What stands in the database, in Prometheus's text format: all tenants' figures for the server's own tenant.

    A key of another tenant is told that tenant's figures alone.
    """
    scope = MetricsScope(own=caller.tenant_id, alone=caller.tenant_id != TENANT)
    return Response(write_metrics(door.database, scope=scope), media_type=CONTENT_TYPE_LATEST)
