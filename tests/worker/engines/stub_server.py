"""A small HTTP server for tests, on a real socket: whatever a handler returns is what the client reads."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

HALF_CLOSED = -1  # as a reply's status: the server ends its side of the connection and goes on to listen


class Reply(NamedTuple):
    """What the server sends back; status 0 drops the connection instead, and `HALF_CLOSED` half of it."""

    status: int
    body: bytes
    headers: tuple[str, ...] = ()


Handler = Callable[[str, dict[str, Any]], Awaitable[Reply]]


def json_reply(value: object, status: int = 200, *headers: str) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, json.dumps(value).encode(), headers)


class StubServer:
    """Serves one handler on a port, 0 for a free one; `open_requests` are those without a reply yet."""

    def __init__(self, handler: Handler, *, port: int = 0) -> None:
        self._handler = handler
        self._port = port
        self._server: asyncio.Server | None = None
        self.open_requests = 0
        self.base_url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0
            )
            body = json.loads(await reader.readexactly(length)) if length else {}
            reply = await self._answer_unless_left(head.split(" ")[1], body, reader)
            if reply is not None and reply.status == HALF_CLOSED:
                writer.write_eof()
                await reader.read()
            elif reply is not None and reply.status:
                lines = (f"HTTP/1.1 {reply.status} x", f"Content-Length: {len(reply.body)}", "Connection: close")
                writer.write("\r\n".join((*lines, *reply.headers, "", "")).encode() + reply.body)
                await writer.drain()
        except ConnectionResetError:  # the client has read enough
            pass
        finally:
            writer.close()

    async def _answer_unless_left(self, path: str, body: dict[str, Any], reader: asyncio.StreamReader) -> Reply | None:
        """The handler's reply, or None when the client closes the connection first, as servers notice it."""
        answer = asyncio.ensure_future(self._handler(path, body))
        left = asyncio.ensure_future(reader.read(1))
        self.open_requests += 1
        await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
        self.open_requests -= 1
        left.cancel()
        if answer.done():
            return answer.result()
        answer.cancel()
        return None
