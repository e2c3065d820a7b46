"""HTTP to one server: a pool of connections, a deadline for each exchange, and no more of a reply than is wanted."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from worker.engines.errors import EngineMisconfigured, EngineNotStarted, EngineUnavailable

OnPiece = Callable[[bytes], None]

CONNECT_SECONDS = 10.0
KEPT_HEADERS = ("Content-Type", "Date", "Retry-After")  # of a reply; its lengths and encodings are dealt with here


class ServerConnection:
    """Sends each request once: a repetition could cost again, and is for whoever reserved the money."""

    def __init__(
        self,
        base_url: str,
        *,
        engine: str,
        api_key: str | None,
        timeout_seconds: float,
        most_connections: int,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._engine = engine
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._headers = headers | {"Accept-Encoding": "identity"}  # a small reply must not unfold to a large one
        self._timeout_seconds = timeout_seconds
        self._limits = httpx.Limits(max_connections=most_connections)
        self._client: httpx.AsyncClient | None = None

    def open(self) -> None:
        """Make the pool; connections are opened as they are needed, and kept."""
        timeout = httpx.Timeout(self._timeout_seconds, connect=CONNECT_SECONDS)
        self._client = httpx.AsyncClient(headers=self._headers, timeout=timeout, limits=self._limits)

    async def close(self) -> None:
        """Close all connections. Safe to call twice or unopened."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        *,
        most_bytes: int,
        on_piece: OnPiece | None = None,
    ) -> httpx.Response:
        """The whole reply, whatever its status, of at most so many bytes; `on_piece` hears that of a 200 as it comes.

        EngineMisconfigured when nothing can be sent to such an address, EngineUnavailable when no reply came: charged
        if there was a body that may have reached the server.
        """
        if self._client is None:
            raise EngineNotStarted(f"engine {self._engine} is not started")
        try:
            async with asyncio.timeout(self._timeout_seconds):  # httpx's own is for each piece of a reply
                return await self._exchange(self._client, method, url, body, most_bytes, on_piece)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise EngineMisconfigured(f"engine {self._engine} has no valid base_url: {error}") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise EngineUnavailable(f"engine {self._engine} can not reach {self.base_url}: {error!r}") from error
        except (httpx.TransportError, httpx.DecodingError, TimeoutError) as error:
            raise EngineUnavailable(f"engine {self._engine} lost a request: {error!r}", charged=bool(body)) from error

    async def _exchange(  # noqa: PLR0917 - as `send` has them
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        body: Mapping[str, Any] | None,
        most_bytes: int,
        on_piece: OnPiece | None,
    ) -> httpx.Response:
        content = bytearray()
        async with client.stream(method, url, json=body) as reply:
            async for piece in reply.aiter_bytes():
                content += piece
                if len(content) > most_bytes:
                    raise EngineUnavailable(
                        f"engine {self._engine} answered {reply.status_code} with more than {most_bytes} bytes",
                        charged=bool(body),
                    )
                if on_piece is not None and reply.status_code == httpx.codes.OK:
                    on_piece(piece)
        kept = {name: reply.headers[name] for name in KEPT_HEADERS if name in reply.headers}
        return httpx.Response(reply.status_code, headers=kept, content=bytes(content))
