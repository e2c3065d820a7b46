"""Bodies of uploads that do not end: how much of them is read, and for how long."""

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from starlette.types import Message

from gateway.api.app import create_app
from gateway.api.front_door import FrontDoor
from gateway.api.upload_stream import FORM_BYTES, IDLE_SECONDS, LEAST_BYTES_PER_SECOND, PIECE_BYTES

MAX_FILE_BYTES = 1000
CHUNK = b"x" * 2**16
FORM = (
    b'--edge\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{}\r\n--edge--\r\n'
)
BEFORE_ITS_END = FORM.removesuffix(b"\r\n--edge--\r\n")


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock a test sets forward."""

    skipped = 0.0

    def time(self) -> float:
        return super().time() + self.skipped


@dataclass(kw_only=True)
class Sent:
    """What a client got, and how much of its body was asked of it."""

    status: int
    error: dict[str, Any] | None
    asked_bytes: int


def send(door: FrontDoor, *, begin: bytes, then: bytes, pause_seconds: float = 0.0) -> Sent:
    """Upload a body that begins so and then goes on without an end."""
    app = create_app(replace(door, settings=replace(door.settings, max_file_bytes=MAX_FILE_BYTES)))
    sent, replies = Sent(status=0, error=None, asked_bytes=0), list[Message]()

    async def drive() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)

        async def receive() -> Message:
            body = then if sent.asked_bytes else begin
            sent.asked_bytes += len(body)
            loop.skipped += pause_seconds
            await asyncio.sleep(0)  # timers that are due are told
            await asyncio.sleep(0)
            return {"type": "http.request", "body": body, "more_body": True}

        async def take(message: Message) -> None:
            replies.append(message)

        await app(scope(), receive, take)

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(drive())
    sent.status = replies[0]["status"]
    sent.error = json.loads(b"".join(reply["body"] for reply in replies[1:])).get("error")
    return sent


def scope() -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"multipart/form-data; boundary=edge")]
    address = {"scheme": "http", "path": "/v1/files", "query_string": b"", "root_path": "", "raw_path": b"/v1/files"}
    return {"type": "http", "method": "POST", "http_version": "1.1", "headers": headers, **address}


def list_names(door: FrontDoor) -> list[str]:
    return [path.name for path in (door.settings.data_directory / "files").iterdir()]


def test_what_follows_the_form_is_not_read(door: FrontDoor) -> None:
    sent = send(door, begin=FORM, then=CHUNK)
    assert (sent.status, sent.error) == (200, None)
    assert sent.asked_bytes <= len(FORM) + PIECE_BYTES + len(CHUNK)


@pytest.mark.parametrize("begin", [b"\r\n", BEFORE_ITS_END])
def test_a_body_is_read_as_far_as_a_file_of_the_largest_size_would_need(door: FrontDoor, begin: bytes) -> None:
    sent = send(door, begin=begin, then=CHUNK)
    assert sent.status == 413
    assert sent.error is not None
    assert sent.error["param"] == "file"
    assert sent.asked_bytes <= MAX_FILE_BYTES + FORM_BYTES + len(CHUNK)
    assert list_names(door) == []


@pytest.mark.parametrize(
    ("then", "pause_seconds", "most_chunks"),
    [
        (b"x", IDLE_SECONDS - 1, 3),
        (b"x" * LEAST_BYTES_PER_SECOND, 2.0, IDLE_SECONDS + 2),
        (CHUNK, IDLE_SECONDS + 1, 2),
    ],
)
def test_a_body_that_comes_too_slowly_is_given_up(
    door: FrontDoor, *, then: bytes, pause_seconds: float, most_chunks: int
) -> None:
    sent = send(door, begin=b"\r\n", then=then, pause_seconds=pause_seconds)
    assert sent.status == 400
    assert sent.error is not None
    assert "the upload was given up" in sent.error["message"]
    assert sent.asked_bytes <= len(then) * most_chunks
    assert list_names(door) == []
