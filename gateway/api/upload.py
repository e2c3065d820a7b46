"""An upload, from the wire to the disk: never more of it in memory than a piece."""

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from gateway.api.errors import InvalidRequest, TooLarge
from gateway.api.upload_stream import read_pieces
from gateway.file_store import NewContent

MAX_FIELD_BYTES = 4096
MAX_PARTS = 16


@dataclass(frozen=True, kw_only=True)
class Upload:
    """The fields that came with a file, whose content is written."""

    filename: str
    fields: Mapping[str, str]


@dataclass(kw_only=True)
class _Part:
    """The part that is read now."""

    name: str = ""
    filename: str | None = None
    text: bytearray = field(default_factory=bytearray)


async def receive_upload(request: Request, *, content: NewContent, max_bytes: int) -> Upload:
    """The upload, once all of it is written; InvalidRequest or TooLarge at the first byte that shows it.

    Whatever comes after the form's end is left unread.
    """
    form = _Form(content, max_bytes=max_bytes)
    try:
        parser = MultipartParser(_read_boundary(request), callbacks=form.callbacks())  # type: ignore[arg-type]  # a TypedDict
        async with aclosing(read_pieces(request, max_bytes=max_bytes)) as pieces:
            async for piece in pieces:
                await run_in_threadpool(parser.write, piece)
                if form.has_ended:
                    break
    except FormParserError as error:
        raise InvalidRequest(f"the body is not multipart/form-data as its header says: {error}") from None
    except ClientDisconnect:
        raise InvalidRequest("the upload broke off") from None
    return form.close()


def _read_boundary(request: Request) -> bytes:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise InvalidRequest(f"uploads are taken as they are, not with Content-Encoding {encoding}")
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise InvalidRequest("upload a file as multipart/form-data with the fields file and purpose")
    return options[b"boundary"]


class _Form:
    """Takes the parts as they come: the file goes on, fields are kept."""

    def __init__(self, content: NewContent, *, max_bytes: int) -> None:
        self._content, self._max_bytes = content, max_bytes
        self._part = _Part()
        self._header_name, self._header_value = bytearray(), bytearray()
        self._parts = 0
        self._fields: dict[str, str] = {}
        self._filename: str | None = None
        self.has_ended = False

    def callbacks(self) -> Mapping[str, Callable[..., None]]:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda chunk, start, end: self._header_name.extend(chunk[start:end]),
            "on_header_value": lambda chunk, start, end: self._header_value.extend(chunk[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_content,
            "on_part_data": self._take,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def close(self) -> Upload:
        """What came; InvalidRequest when that is not an upload."""
        if not self.has_ended:
            raise InvalidRequest("the upload broke off: its last boundary is missing")
        if self._filename is None:
            raise InvalidRequest("there is no file: send one as the field file, with a file name", param="file")
        return Upload(filename=self._filename, fields=self._fields)

    def _begin_part(self) -> None:
        self._part = _Part()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"the form has more than {MAX_PARTS} parts")

    def _end_header(self) -> None:
        if bytes(self._header_name).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._header_value))
            self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
            filename = options.get(b"filename")
            self._part.filename = None if filename is None else filename.decode("utf-8", "replace")
        self._header_name.clear()
        self._header_value.clear()

    def _begin_content(self) -> None:
        if self._part.name != "file":
            return
        if self._part.filename is None:
            raise InvalidRequest("is a text: send it with a file name", param="file")
        if self._filename is not None:
            raise InvalidRequest("there are two files: upload one at a time", param="file")
        self._filename = self._part.filename

    def _take(self, chunk: bytes, start: int, end: int) -> None:
        if self._part.name == "file":
            self._take_content(chunk[start:end] if end - start < len(chunk) else chunk)
            return
        self._part.text += chunk[start:end]
        if len(self._part.text) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"is longer than {MAX_FIELD_BYTES} bytes", param=self._part.name)

    def _take_content(self, chunk: bytes) -> None:
        if self._content.size_bytes + len(chunk) > self._max_bytes:
            raise TooLarge(f"the file is larger than {self._max_bytes:,} bytes: split it", param="file")
        self._content.write(chunk)

    def _end_part(self) -> None:
        if self._part.name != "file":
            self._fields[self._part.name] = self._part.text.decode("utf-8", "replace")

    def _end(self) -> None:
        self.has_ended = True
