"""An answer that is told while it is written, to whoever waits for it."""

import asyncio
from collections.abc import AsyncIterator

from router.decoding.one_request import OneRequest
from router.generation import Completion, GenerationRequest
from worker.engines.protocol import Answering, OnText, StreamingEngine
from worker.single_request import OpenRequest


class Telling:
    """What is certain of an answer so far: all of its text but the space at its end, which it may be without."""

    def __init__(self) -> None:
        self.request: OpenRequest | None = None  # once it is asked
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._told = self._space = ""
        self._has_text = False

    def listen(self, request: OpenRequest, engine: Answering) -> Answering:
        """The engine, which tells its text where the answer of this request is nothing but that."""
        self.request = request
        assigned = request.assigned
        decoding = assigned.priced.strategy.decoding
        if not isinstance(engine, StreamingEngine) or not isinstance(decoding, OneRequest):
            return engine
        return _Told(engine, self._note) if decoding.answers_as_written(assigned.line.prompt) else engine

    def end(self) -> None:
        """Nothing more is told: the answer is complete, or there is none."""
        self._pieces.put_nowait(None)

    async def has_begun(self) -> bool:
        """Whether some of the answer is there, once it is, or once it is known that none will come."""
        piece = await self._pieces.get()
        if piece is None:
            self.end()  # for whoever reads the pieces
            return False
        self._told += piece
        return True

    async def pieces(self) -> AsyncIterator[str]:
        """What was told before, and what comes until the end."""
        if self._told:
            yield self._told
        while (piece := await self._pieces.get()) is not None:
            self._told += piece
            yield piece

    def rest_of(self, answer: str) -> str:
        """What was not told yet of the whole answer."""
        return answer.removeprefix(self._told) if answer.startswith(self._told) else ""

    def _note(self, text: str) -> None:
        known = self._space + text if self._has_text else text.lstrip()
        certain = known.rstrip()
        self._space = known[len(certain) :]
        if certain:
            self._has_text = True
            self._pieces.put_nowait(certain)


class _Told:
    """An engine whose texts somebody hears."""

    def __init__(self, engine: StreamingEngine, on_text: OnText) -> None:
        self._engine, self._on_text = engine, on_text

    async def generate(self, request: GenerationRequest) -> Completion:
        return await self._engine.stream(request, on_text=self._on_text)
