"""One side of a conversation in which each may ask the other while it answers."""

from collections.abc import Callable
from typing import IO, Any

from worker.sandbox.inside.wire import Borrow, Lend, decode, encode, receive, send


class Peer:
    """Asks the other side, and answers what it asks meanwhile."""

    def __init__(
        self,
        *,
        read: IO[bytes],
        write: IO[bytes],
        lend: Lend,
        borrow: Borrow,
        answer: Callable[[list[Any]], Any],
        describe: Callable[[BaseException], list[Any]],
        revive: Callable[[list[Any]], BaseException],
    ) -> None:
        self._read, self._write = read, write
        self._lend, self._borrow = lend, borrow
        self._answer = answer
        self._describe, self._revive = describe, revive

    def ask(self, *request: Any) -> Any:
        """The other side's answer, or the exception that it answers with."""
        send(self._write, {"ask": encode(list(request), self._lend)})
        while True:
            message = receive(self._read)
            if "ask" in message:
                self._reply(message["ask"])
            elif "error" in message:
                raise self._revive(message["error"])
            else:
                return decode(message.get("ok"), self._borrow)

    def serve(self) -> None:
        """Answer until the other side is gone (WireError)."""
        while True:
            self._reply(receive(self._read).get("ask"))

    def _reply(self, request: Any) -> None:
        try:
            reply = {"ok": encode(self._answer(decode(request, self._borrow)), self._lend)}
        except BaseException as error:  # whatever a program raises, exit() among it, is what its test sees
            reply = {"error": self._describe(error)}
        send(self._write, reply)
