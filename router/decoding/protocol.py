"""What every decoding method can do."""

from collections.abc import Callable, Generator
from typing import NamedTuple, Protocol

from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, Completion, GenerationRequest


class Stage(NamedTuple):
    """The most that one request of a method may be: known before anything is asked, and what is reserved for it."""

    request: GenerationRequest  # with nothing carried
    carry_tokens: int = 0  # the most tokens of earlier output that its prompt may hold beside that


class FollowUp(NamedTuple):
    """A later request that carries what the model wrote, which is shortened at its end where it does not fit its stage.

    Text that is read back may have more tokens than it was written with, so nothing but counting it again will do.
    """

    carried: str
    write: Callable[[str], GenerationRequest]  # the request that carries this much; of "", the stage's own


Asking = Generator[GenerationRequest | FollowUp, Completion, str]


class DecodingMethod(Protocol):
    """How a model is asked: in one request or several, and how the answer is read out of what came back.

    Methods are frozen dataclasses of plain settings, so that two strategies with equal settings have equal spec hashes.
    """

    @property
    def name(self) -> str:
        """The name under which the strategy file knows the method."""

    @property
    def description(self) -> str:
        """One sentence on how the model is asked, for the predictors' representation of the decoding method."""

    @property
    def needs(self) -> frozenset[Capability]:
        """What an engine must be able to do for any task; a request's own `needs` also hold its task's JSON schema."""

    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """What is asked at most, in turn; NotEligible says why this method can not serve the task."""

    def ask(self, task: TaskPrompt) -> Asking:
        """Yields each request, is sent its completion, and returns the final answer, or "" when none can be read.

        The first request is that of the first stage; each later one is within its own stage, or is not sent.
        """

    def max_output_tokens(self) -> int:
        """The most tokens that all samples of all requests for any one task may write."""
