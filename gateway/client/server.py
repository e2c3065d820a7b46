"""The server that commands ask when the settings name one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx

from gateway.client.refusals import read_refusal
from gateway.errors import JobFileError, ServerError
from gateway.exit_codes import ExitCode
from worker.settings import Settings

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 600.0  # plans of many prompts are made while we wait
CONNECT_RETRIES = 2
PIECE_BYTES = 2**20


class ApiServer:
    """Asks for JSON and files; every refusal is a ServerError in the server's own words."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @property
    def address(self) -> str:
        """Where it is, for people."""
        return str(self._http.base_url).rstrip("/")

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        """What is there."""
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What comes of it."""
        return self._ask("POST", path, json=body)

    def delete(self, path: str) -> None:
        """Nothing is there any more."""
        self._ask("DELETE", path)

    def upload(self, file: Path, *, on_read: Callable[[int], None]) -> str:
        """The id of the file over there, read in pieces; `on_read` hears how many bytes were read so far."""
        try:
            stream = file.open("rb")
        except OSError as error:
            problem = f"{file}: can not be read: {error.strerror}"
            raise JobFileError(str(file), [problem], problem_count=1) from None
        with stream:
            content = {"file": (file.name, _CountedReads(stream, on_read))}
            answer = self._ask("POST", "/v1/files", data={"purpose": "batch"}, files=content)
        return str(answer["id"])

    def read_file(self, file_id: str) -> Iterator[bytes]:
        """A file's content in pieces."""
        with self._telling_outages(), self._http.stream("GET", f"/v1/files/{file_id}/content") as reply:
            if reply.is_error:
                reply.read()
                raise read_refusal(reply)
            yield from reply.iter_bytes(PIECE_BYTES)

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        with self._telling_outages():
            reply = self._http.request(method, path, **request)
        if not reply.is_success:
            raise read_refusal(reply)
        try:
            answer: dict[str, Any] = reply.json()
        except ValueError:
            raise ServerError(
                f"{self.address} answers, but is no server of `apportion serve`: look at APPORTION_API_URL",
                exit_code=ExitCode.SERVER,
            ) from None
        return answer

    @contextmanager
    def _telling_outages(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise ServerError(
                f"{self.address} does not answer ({said}): is `apportion serve` running there?",
                exit_code=ExitCode.SERVER,
            ) from None


class _CountedReads:
    """A file as httpx reads one, telling how far it is."""

    def __init__(self, stream: BinaryIO, on_read: Callable[[int], None]) -> None:
        self._stream, self._on_read, self._bytes = stream, on_read, 0

    def fileno(self) -> int:
        """By which httpx finds how long the file is."""
        return self._stream.fileno()

    def read(self, size: int) -> bytes:
        """The next piece."""
        piece = self._stream.read(size)
        self._bytes += len(piece)
        self._on_read(self._bytes)
        return piece


@contextmanager
def open_server(settings: Settings) -> Iterator[ApiServer]:
    """The server of the settings, for as long as the block lasts; the key goes out in a header alone."""
    assert settings.api_url is not None
    headers = {} if settings.api_key is None else {"Authorization": f"Bearer {settings.api_key}"}
    with httpx.Client(
        base_url=settings.api_url,
        headers=headers,
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        transport=httpx.HTTPTransport(retries=CONNECT_RETRIES),
    ) as http:
        yield ApiServer(http)
