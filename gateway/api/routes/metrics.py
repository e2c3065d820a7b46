"""Metrics, for Prometheus."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from gateway.api.callers import Caller
from gateway.api.errors import NotPermitted
from gateway.api.front_door import Door
from gateway.api.metrics import write_metrics
from worker.submission import TENANT

routes = APIRouter(tags=["health"])


@routes.get(
    "/metrics", response_model=None, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
def read_metrics(door: Door, caller: Caller) -> Response:
    """The whole system as it stands, in Prometheus's text format: for keys of the server's own tenant."""
    if caller.tenant_id != TENANT:
        raise NotPermitted(f"metrics are of all tenants together: ask with a key of the tenant {TENANT}")
    return Response(write_metrics(door.database), media_type=CONTENT_TYPE_LATEST)
