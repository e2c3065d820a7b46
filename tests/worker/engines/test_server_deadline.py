"""A whole answer has a deadline, and not only each piece of it."""

import asyncio

import pytest

from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.test_openai_engine import HELLO, spec_for
from worker.engines.errors import EngineUnavailable
from worker.engines.openai_engine import OpenAIEngine


def test_a_server_that_drips_is_given_up_at_the_same_time(engine_loop: EngineLoop) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"GET" in await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 x\r\nContent-Length: 9999\r\n\r\n")
            while not writer.is_closing():  # the client's leaving closes it
                writer.write(b" ")
                await asyncio.sleep(0.01)
        writer.close()

    server = engine_loop.run(asyncio.start_server(drip, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    engine = OpenAIEngine(spec_for(f"http://127.0.0.1:{port}/v1", timeout_seconds=0.3))
    engine_loop.run(engine.start())
    with pytest.raises(EngineUnavailable, match="TimeoutError") as raised:
        engine_loop.run(engine.generate(HELLO))
    assert raised.value.charged
    engine_loop.run(engine.stop())
    server.close()
