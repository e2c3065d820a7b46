"""What every decoding method can do."""

from collections.abc import Sequence
from typing import Protocol

from router.decoding.task_prompt import TaskPrompt
from router.generation import Capability, GenerationRequest


class DecodingMethod(Protocol):
    """How a model is asked: it builds the prompt, reads the answer out of what came back, and bounds what it may write.

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

    def build(self, task: TaskPrompt) -> GenerationRequest:
        """The request for one task; NotEligible says why this method can not serve it."""

    def extract(self, task: TaskPrompt, texts: Sequence[str]) -> str:
        """The final answer read from the samples' texts, or "" when none can be read."""

    def max_output_tokens(self) -> int:
        """The most tokens that all samples of any one request may write."""
