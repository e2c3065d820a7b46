"""Lines of a file as text, one at a time, whatever bytes the file holds."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE_BYTES = 16 * 2**20


class TextLine(NamedTuple):
    """One line without its line ending; `problem` says why there is no text."""

    number: int  # from 1
    text: str
    problem: str | None


def read_text_lines(stream: BinaryIO, *, max_line_bytes: int = MAX_LINE_BYTES) -> Iterator[TextLine]:
    """Every line that is not blank, holding no more than one in memory; a UTF-8 BOM and CRLF endings are taken off."""
    number = 0
    while raw := stream.readline(max_line_bytes + 1):
        number += 1
        too_long = len(raw) > max_line_bytes and not raw.endswith(b"\n")
        if too_long:
            _skip_rest_of_line(stream, max_line_bytes)
        line = _decode_line(number, raw, too_long=too_long, max_line_bytes=max_line_bytes)
        if line.problem or line.text.strip():
            yield line
        if line.problem == UTF16_PROBLEM:
            return  # every further line would be reported too, and none of it is news


UTF16_PROBLEM = "the file is UTF-16; save it as UTF-8"


def _skip_rest_of_line(stream: BinaryIO, chunk_bytes: int) -> None:
    while (raw := stream.readline(chunk_bytes)) and not raw.endswith(b"\n"):
        pass


def _decode_line(number: int, raw: bytes, *, too_long: bool, max_line_bytes: int) -> TextLine:
    if number == 1 and raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return TextLine(number, "", UTF16_PROBLEM)
    if too_long:
        limit_mib = max_line_bytes / 2**20
        return TextLine(number, "", f"the line is longer than {limit_mib:g} MiB; split the task or shorten its prompt")
    if number == 1:
        raw = raw.removeprefix(codecs.BOM_UTF8)
    if b"\x00" in raw:
        at = raw.index(b"\x00") + 1
        return TextLine(number, "", f"byte {at} is NUL; remove it (was the file cut off or is it not text?)")
    try:
        return TextLine(number, raw.decode("utf-8").rstrip("\r\n"), None)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start + 1} (0x{raw[error.start]:02x}) is not UTF-8; save the file as UTF-8"
        return TextLine(number, "", problem)
