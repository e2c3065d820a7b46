"""Methods that ask once: a request is built, and the answer is read from the texts that come back."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import final

from router.decoding.protocol import Stage
from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, Completion, GenerationRequest


class OneRequest(ABC):
    """A decoding method of a single request; whatever wraps another method wraps one of these."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name under which the strategy file knows the method."""

    @property
    @abstractmethod
    def description(self) -> str:
        """One sentence on how the model is asked, for the predictors' representation of the decoding method."""

    @property
    @abstractmethod
    def needs(self) -> frozenset[Capability]:
        """What an engine must be able to do for any task; a request's own `needs` also hold its task's JSON schema."""

    @abstractmethod
    def build(self, task: TaskPrompt) -> GenerationRequest:
        """The request for one task; NotEligible says why this method can not serve it."""

    @abstractmethod
    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The final answer read from the samples' texts, or "" when none can be read."""

    @abstractmethod
    def max_output_tokens(self) -> int:
        """The most tokens that all samples of any one request may write."""

    def answers_as_written(self, task: TaskPrompt) -> bool:
        """Whether the answer is the text itself but for space around it, so that it can be told as it is written."""
        return False

    @final
    def stages(self, task: TaskPrompt) -> tuple[Stage, ...]:
        """The one request."""
        return (Stage(self.build(task)),)

    @final
    def ask(self, task: TaskPrompt) -> Generator[GenerationRequest, Completion, str]:
        """The one request, and the answer in its texts."""
        completion = yield self.build(task)
        return self.extract(task, completion.texts)
