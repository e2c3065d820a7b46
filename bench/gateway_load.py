"""A steady load on one address: requests leave when their time has come, whatever became of the ones before."""

import asyncio
import time
from urllib.parse import urlsplit

CONNECTIONS = 32
READY_SECONDS = 0.5  # to line up all that is to be sent: the first requests must not leave late


async def ask_steadily(address: str, path: str, *, per_second: int, seconds: int) -> list[float]:
    """Seconds from when each request was to leave until its answer was read."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await asyncio.open_connection(host, port))
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    begin = time.monotonic() + READY_SECONDS

    async def ask(number: int) -> float:
        due = begin + number / per_second
        await asyncio.sleep(due - time.monotonic())
        reader, writer = await idle.get()
        writer.write(request)
        await _read_reply(reader)
        idle.put_nowait((reader, writer))
        return time.monotonic() - due

    waits = await asyncio.gather(*(ask(number) for number in range(per_second * seconds)))
    while not idle.empty():
        _, writer = idle.get_nowait()
        writer.close()
    return list(waits)


async def _read_reply(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    (length,) = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(int(length.split(b":")[1]))
