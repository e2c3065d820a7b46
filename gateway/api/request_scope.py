"""What surrounds every request: an id, a limit on its body, a line in the log, and a reply whatever happens."""

import logging
import time
import uuid
from contextlib import ExitStack

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.error_replies import reply_to_surprise
from worker.json_log import log_attributes

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 2**20  # of every request but an upload, which has a limit of its own
UPLOAD_PATH = "/v1/files"


class RequestScope:
    """ASGI middleware, outside of everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from its id to its line in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{uuid.uuid4().hex}"
        scope.setdefault("state", {}).update(request_id=request_id, told={})
        reply = _Reply(send, request_id=request_id)
        limited = receive if scope["path"] == UPLOAD_PATH else _limit_body(receive)
        started = time.monotonic()
        with ExitStack() as opened:
            opened.enter_context(log_attributes(request=request_id))
            try:
                await self._app(scope, limited, reply.send)
            except Exception:
                logger.exception("%s %s failed", scope["method"], scope["path"])
                if not reply.status:
                    await reply_to_surprise(request_id)(scope, receive, reply.send)
            opened.enter_context(log_attributes(**_describe(scope, reply.status, time.monotonic() - started)))
            logger.info("%s %s %d", scope["method"], scope["path"], reply.status)


class _Reply:
    """Sends a reply with the request's id in its headers, and keeps its status."""

    def __init__(self, send: Send, *, request_id: str) -> None:
        self._send = send
        self._header = (b"x-request-id", request_id.encode())
        self.status = 0  # nothing was sent

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), self._header]
        await self._send(message)


def _limit_body(receive: Receive) -> Receive:
    """The same receiver, which refuses what is longer than a request may be."""
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            # FastAPI lets through no other error while it reads a body.
            raise HTTPException(413, f"the body is longer than {MAX_BODY_BYTES // 2**20} MiB")
        return message

    return receive_limited


def _describe(scope: Scope, status: int, seconds: float) -> dict[str, object]:
    """The line's attributes, named as OpenTelemetry names them."""
    route = getattr(scope.get("route"), "path", None)
    return {
        "http.request.method": scope["method"],
        "http.route": route,
        "http.response.status_code": status,
        "http.server.request.duration": round(seconds, 6),
        "error.type": str(status) if status >= 500 else None,
        "tenant": scope["state"].get("tenant"),
        **scope["state"].get("told", {}),
    }
