"""The body of an upload as it comes: in pieces, no longer and no slower than is taken."""

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request

from gateway.api.errors import InvalidRequest, TooLarge

PIECE_BYTES = 2**20
FORM_BYTES = 2**20  # what may surround a file: boundaries, headers, fields, whatever comes before the first of them
IDLE_SECONDS = 60.0
LEAST_BYTES_PER_SECOND = 8 * 2**10  # on average, after as long as nothing at all may come


async def read_pieces(request: Request, *, max_bytes: int) -> AsyncGenerator[bytes]:
    """The body in pieces that are worth a change of threads; TooLarge or InvalidRequest where it does not end."""
    received, waiting = 0, bytearray()
    stream, started = request.stream(), asyncio.get_running_loop().time()
    while chunk := await _read_chunk(stream, until=started + IDLE_SECONDS + received / LEAST_BYTES_PER_SECOND):
        received += len(chunk)
        if received > max_bytes + FORM_BYTES:
            raise TooLarge(f"the upload is larger than a file of {max_bytes:,} bytes: split it", param="file")
        waiting += chunk
        if len(waiting) >= PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


async def _read_chunk(stream: AsyncGenerator[bytes], *, until: float) -> bytes:
    """Empty at the end of the body."""
    idle_until = asyncio.get_running_loop().time() + IDLE_SECONDS
    try:
        async with asyncio.timeout_at(min(until, idle_until)):
            return await anext(stream, b"")
    except TimeoutError:
        raise InvalidRequest(
            f"nothing came for {IDLE_SECONDS:.0f} s, or less than {LEAST_BYTES_PER_SECOND:,} bytes a second: "
            "the upload was given up"
        ) from None
