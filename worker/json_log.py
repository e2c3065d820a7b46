"""Logs: one JSON object a line, with the ids of what it is about, or plain text."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

_ATTRIBUTES: ContextVar[Mapping[str, object]] = ContextVar("log_attributes", default={})  # noqa: B039 - never changed


class LogFormat(StrEnum):
    """How lines of log are written."""

    JSON = "json"  # for whatever collects them
    TEXT = "text"  # for whoever reads them


@contextmanager
def log_attributes(**attributes: object) -> Iterator[None]:
    """Every line that is logged in the block has these ids: `request`, `tenant`, `batch`, `job`, `window`, `group`."""
    token = _ATTRIBUTES.set({**_ATTRIBUTES.get(), **attributes})
    try:
        yield
    finally:
        _ATTRIBUTES.reset(token)


class JsonFormatter(logging.Formatter):
    """Records as objects in the names of OpenTelemetry's log data model."""

    def format(self, record: logging.LogRecord) -> str:
        """The record in one line."""
        known = {name: value for name, value in _ATTRIBUTES.get().items() if value is not None}
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity_text": record.levelname,
            "body": record.getMessage(),
            "scope": record.name,
            "attributes": known,
        }
        if record.exc_info:
            line["attributes"] = known | {"exception.stacktrace": self.formatException(record.exc_info)}
        return json.dumps(line, default=str)


def write_log(stream: TextIO, *, log_format: LogFormat) -> None:
    """Every log line of this process, from INFO up, on a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[log_format])
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # engines behind HTTP: a line for each request


FORMATTERS: Mapping[LogFormat, logging.Formatter] = {
    LogFormat.JSON: JsonFormatter(),
    LogFormat.TEXT: logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"),
}
