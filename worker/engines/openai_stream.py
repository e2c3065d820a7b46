"""A chat completion that a server tells as server-sent events, put together as the reply that it would have been."""

import json
from collections.abc import Mapping
from typing import Any

from worker.engines.errors import EngineUnavailable
from worker.engines.protocol import OnText

PREFIX, LAST = b"data:", b"[DONE]"


class StreamedReply:
    """Reads a reply in pieces, which may end anywhere; of one sample. Nothing of it is taken on trust."""

    def __init__(self, on_text: OnText, *, engine: str) -> None:
        self._on_text, self._engine = on_text, engine
        self._unread = b""
        self._texts: list[str] = []
        self._finish_reason: Any = None
        self._usage: Any = None
        self._events = 0

    def read(self, piece: bytes) -> None:
        """Tell the texts of this piece; EngineUnavailable where it holds no events of a completion."""
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            content = line.strip().removeprefix(PREFIX).strip()
            if line.startswith(PREFIX) and content != LAST:
                self._note(self._parse(content))

    def put_together(self) -> Mapping[str, Any] | None:
        """The reply; None where there was no event."""
        if not self._events:
            return None
        message = {"content": "".join(self._texts)}
        return {"choices": [{"message": message, "finish_reason": self._finish_reason}], "usage": self._usage}

    def _parse(self, content: bytes) -> Mapping[str, Any]:
        try:
            event = json.loads(content)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or event.get("error"):
            raise self._refuse(content)
        return event

    def _note(self, event: Mapping[str, Any]) -> None:
        self._events += 1
        self._usage = event.get("usage") or self._usage
        try:
            for choice in event.get("choices") or ():
                self._tell(choice["text"] if "text" in choice else choice["delta"].get("content"))
                self._finish_reason = choice.get("finish_reason") or self._finish_reason
        except (KeyError, TypeError, AttributeError) as error:
            raise self._refuse(repr(error).encode()) from error

    def _tell(self, text: object) -> None:
        if isinstance(text, str) and text:
            self._texts.append(text)
            self._on_text(text)

    def _refuse(self, content: bytes) -> EngineUnavailable:
        shown = content[:300].decode(errors="replace")
        return EngineUnavailable(f"engine {self._engine} broke off its answer: {shown}", charged=True)
