"""Bounds the tokens of prompts for a server whose tokenizer is not here."""

from collections.abc import Sequence

from router.generation import Message

BYTES_PER_TOKEN = 6  # of text that a model wrote, for which room is kept in a later prompt: prose has four to five


class PromptBound:
    """No prompt has more tokens than this says, provided that the declared overheads hold.

    A token of a byte-level tokenizer, or of one that falls back to bytes, stands for at least one byte of UTF-8, so a
    text never has more tokens than bytes. What a chat template adds can not be derived and is declared: once a prompt
    (a default system text) and once a message (role and separators).
    """

    def __init__(self, *, tokens_per_prompt: int = 64, tokens_per_message: int = 8) -> None:
        self.tokens_per_prompt = tokens_per_prompt
        self.tokens_per_message = tokens_per_message

    def count(self, prompts: Sequence[tuple[Message, ...]]) -> list[int]:
        """The most tokens that each prompt can have."""
        return [self.tokens_per_prompt + sum(map(self._bound_message, messages)) for messages in prompts]

    def bound_carried(self, tokens: int) -> int:
        """What is kept free for so many tokens of the model's own text; a text of longer tokens is shortened."""
        return tokens * BYTES_PER_TOKEN

    def _bound_message(self, message: Message) -> int:
        return self.tokens_per_message + len(message.content.encode())
