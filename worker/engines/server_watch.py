"""Asks a server how busy it is, once a second, where it can be asked."""

import asyncio
from collections.abc import Callable

import httpx

from worker.engines.errors import EngineUnavailable
from worker.engines.server_connection import ServerConnection
from worker.engines.server_metrics import ServerLoad, read_server_load

PAUSE_SECONDS = 1.0
MOST_BYTES = 4 << 20  # vLLM's metrics are some 50 kB for each of its engines


class ServerWatch:
    """Keeps the latest load of a server that speaks vLLM's metrics; of any other, it asks once. On one event loop."""

    def __init__(self, connection: ServerConnection, *, on_load: Callable[[ServerLoad], None]) -> None:
        self._connection = connection
        self._url = f"{connection.base_url.removesuffix('/v1')}/metrics"
        self._on_load = on_load
        self._task: asyncio.Task[None] | None = None
        self.latest: ServerLoad | None = None

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._ask_on())

    async def stop(self) -> None:
        """Ask no more. Safe to call twice or unstarted."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _ask_on(self) -> None:
        while await self._ask():  # noqa: ASYNC110 - a server tells nobody when its load changes
            await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self) -> bool:
        """Whether the server may tell its load next time."""
        try:
            reply = await self._connection.send("GET", self._url, most_bytes=MOST_BYTES)
        except EngineUnavailable:  # away, which may pass
            self.latest = None
            return True
        self.latest = read_server_load(reply.text) if reply.status_code == httpx.codes.OK else None
        if self.latest is not None:
            self._on_load(self.latest)
        return self.latest is not None
