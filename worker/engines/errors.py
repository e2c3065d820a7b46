"""What an engine may raise.

EngineError
├── EngineMisconfigured      the engine can never serve as it is set up: stop using it, tell the user
│   ├── MissingWeights       the model's weights are not on this machine
│   └── OutOfMemory          the model, or what it keeps for its requests, does not fit this machine's memory
├── PromptRefused            this task can never be served here; the others go on
└── EngineUnavailable        not now: the same task may be tried again
    ├── EngineNotStarted     nobody was asked: it has not been started, or is being replaced
    ├── UsageMissing         an answer came without token counts, so its true cost is unknown
    │   └── UsageImpossible  it came with counts that no answer to the request can have
    └── EngineDied           the engine is gone: nothing is served before it is started again
"""


class EngineError(Exception):
    """Base of everything an engine raises on purpose.

    `charged` says whether tokens may have been spent: then the whole reservation of the request is
    charged, because its true cost can not be known.
    """

    def __init__(self, message: str, *, charged: bool = False) -> None:
        super().__init__(message)
        self.charged = charged


class EngineMisconfigured(EngineError):
    """The engine can never serve as it is set up."""


class MissingWeights(EngineMisconfigured):
    """The model's weights are not on this machine; the message names the remedy."""


class OutOfMemory(EngineMisconfigured):
    """The engine does not fit into memory; the message names what can be lowered."""


class PromptRefused(EngineError):
    """This request can never be served by this engine: too long, an invalid grammar, an unknown option."""


class EngineUnavailable(EngineError):
    """The engine could not serve now; `retry_after_seconds` is what a server asked for, where it did."""

    def __init__(self, message: str, *, charged: bool = False, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, charged=charged)
        self.retry_after_seconds = retry_after_seconds


class EngineNotStarted(EngineUnavailable):
    """It has not been started, or was stopped to be replaced: nothing was asked."""


class UsageMissing(EngineUnavailable):
    """The server answered without whole token counts: the reservation is charged and the answer dropped."""

    def __init__(self, message: str) -> None:
        super().__init__(message, charged=True)


class UsageImpossible(UsageMissing):
    """The server counts what can not be true: as if it had not counted, and it is not to be trusted again soon."""


class EngineDied(EngineUnavailable):
    """The process or thread behind the engine is gone; `start` a new engine. What was in flight is charged."""

    def __init__(self, message: str, *, charged: bool = True) -> None:
        super().__init__(message, charged=charged)
