"""Counts and encodes prompts exactly as the engines do: both send the token ids made here."""

import re
import threading
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from itertools import accumulate, chain
from os.path import commonprefix
from pathlib import Path
from typing import Any

import msgspec

from router.generation import PLAIN_ROLE, Message
from worker.engines.errors import EngineMisconfigured, PromptRefused

# Prompts that show whether a text may be cut in some places without changing its token ids.
PROBES = (
    (Message(role="user", content=" Two\n"), Message(role="assistant", content="4"), Message(role="user", content="a")),
    (Message(role="user", content="été 12.5\n\n x"),),
    (Message(role=PLAIN_ROLE, content='Is it 1.5?\n= (2 + 2)\n\n{"a": 12}\n\nété\n\n\n"x"!\n\n3 kg\n\n Two'),),
)

PLACE = "\ufffcPLACE\ufffc"  # stands for a question while a template is applied to what is around it
KEPT_CONVERSATIONS = 1000
EMPTY_LINE = "\n\n"
BLOCK_END = re.compile(rf"(?<=\S)(?={EMPTY_LINE})")  # before an empty line, which starts a block of a few-shot text


class PromptCounter:
    """The tokens of prompts under a model's chat template.

    Special tokens cut the text before anything else looks at it, so each piece between them has token ids of its own,
    whatever stands around it; for most tokenizers so has each block of a plain text. Pieces are kept: a few-shot prefix
    is encoded once, and a task's own text once for all strategies of the model.
    """

    def __init__(self, model_dir: Path, *, kept_pieces: int = 100_000) -> None:
        self._model_dir = model_dir
        self._kept_pieces = kept_pieces
        self._pieces: dict[str, list[int]] = {}
        self._around: dict[tuple[tuple[Message, ...], str], tuple[str, ...]] = {}
        self._lock = threading.Lock()  # planning counts in one thread while an engine encodes in another

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer itself, for engines that turn ids back into text; loaded when it is first needed."""
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(self._model_dir, local_files_only=True)
        if not tokenizer.is_fast:
            raise EngineMisconfigured(f"{self._model_dir} has no tokenizer.json: save its tokenizer again")
        if not tokenizer.chat_template:
            raise EngineMisconfigured(f"{self._model_dir} has no chat template: use an instruction-tuned model")
        return tokenizer

    @cached_property
    def _render(self) -> Callable[[tuple[Message, ...]], str]:
        return self._choose_render()

    @cached_property
    def _cut(self) -> Callable[[str], list[str]]:
        return self._choose_cut()

    def load(self) -> None:
        """Load the tokenizer and look how it can be used, so that no later call has to."""
        _ = self.tokenizer, self._render, self._cut

    def count(self, prompts: Sequence[tuple[Message, ...]]) -> list[int]:
        """How many tokens each prompt has. PromptRefused when the model's template can not hold one."""
        texts = [self.render(messages) for messages in prompts]
        shared = self._find_shared(texts)
        length = sum(map(len, shared))
        cut = [shared, *(self._cut(text[length:]) for text in texts)]
        with self._lock:
            self._learn({piece for pieces in cut for piece in pieces})
            first, *rest = (sum(len(self._pieces[piece]) for piece in pieces) for pieces in cut)
        return [first + tokens for tokens in rest]

    def bound_carried(self, tokens: int) -> int:
        """What is kept free for so many tokens of the model's own text: as many, since they are counted here."""
        return tokens

    def encode(self, messages: tuple[Message, ...]) -> list[int]:
        """The token ids of one prompt, up to where the answer starts."""
        pieces = self._cut(self.render(messages))
        with self._lock:
            self._learn(set(pieces))
            return list(chain.from_iterable(self._pieces[piece] for piece in pieces))

    def render(self, messages: tuple[Message, ...]) -> str:
        """The prompt as the text that the model reads; an answer that the assistant has begun ends it."""
        *earlier, last = messages
        if last.role == PLAIN_ROLE:
            return last.content
        if earlier and last.role == "assistant":
            return self._render(tuple(earlier)) + last.content
        return self._render(messages)

    def _render_around(self, messages: tuple[Message, ...]) -> str:
        """What the template makes of a conversation, from what it made of another with the same earlier turns."""
        *earlier, last = messages
        key = (tuple(earlier), last.role)
        around = self._around.get(key)
        if around is None:
            around = tuple(self._apply_template((*earlier, msgspec.structs.replace(last, content=PLACE))).split(PLACE))
            if len(self._around) > KEPT_CONVERSATIONS:
                self._around.clear()
            self._around[key] = around
        before, after = around
        return f"{before}{last.content}{after}"

    def _find_shared(self, texts: Sequence[str]) -> list[str]:
        """The pieces that all texts begin with: a strategy's own words before the task's."""
        if len(texts) < 2:
            return []
        prefix = commonprefix(texts)  # noqa: RUF071 - texts and not paths: characters are what is compared
        pieces = self._cut(prefix)
        ends = accumulate(map(len, pieces))
        # The characters that decide whether a text is cut here have to be the same in all texts.
        return [piece for piece, end in zip(pieces, ends, strict=True) if end <= len(prefix) - self._looked_ahead]

    @cached_property
    def _looked_ahead(self) -> int:
        """How many characters behind a place may decide whether a text is cut there."""
        return max(map(len, (EMPTY_LINE, *self.tokenizer.get_added_vocab())))

    def _choose_render(self) -> Callable[[tuple[Message, ...]], str]:
        """The template applied once for each beginning, where that gives every probe the template's own text."""
        conversations = [probe for probe in PROBES if probe[0].role != PLAIN_ROLE]
        try:
            same = all(self._render_around(probe) == self._apply_template(probe) for probe in conversations)
        except ValueError:  # the template changes or repeats the place
            same = False
        return self._render_around if same else self._apply_template

    def _apply_template(self, messages: tuple[Message, ...]) -> str:
        import jinja2

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text: str = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except jinja2.TemplateError as error:
            raise PromptRefused(f"the model's chat template refuses the messages: {error}") from error
        return text

    def _choose_cut(self) -> Callable[[str], list[str]]:
        """The finest way to cut texts that leaves the token ids of every probe as they are."""
        special = sorted(self.tokenizer.get_added_vocab(), key=len, reverse=True)
        at_special = re.compile(f"({'|'.join(map(re.escape, special))})").split if special else _keep_whole
        for cut in (_cut_blocks_too(at_special), at_special):
            if all(map(partial(self._is_unchanged, cut), map(self.render, PROBES))):
                return cut
        return _keep_whole

    def _is_unchanged(self, cut: Callable[[str], list[str]], text: str) -> bool:
        whole: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return whole == list(chain.from_iterable(self._encode_each(cut(text))))

    def _learn(self, needed: set[str]) -> None:
        unknown = needed - self._pieces.keys()
        if len(self._pieces) + len(unknown) > self._kept_pieces:
            self._pieces.clear()
            unknown = needed
        if unknown:
            ordered = sorted(unknown)
            self._pieces.update(zip(ordered, self._encode_each(ordered), strict=True))

    def _encode_each(self, texts: list[str]) -> list[list[int]]:
        encodings = self.tokenizer.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]


def _cut_blocks_too(cut: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    return lambda text: [block for piece in cut(text) for block in BLOCK_END.split(piece)]


def _keep_whole(text: str) -> list[str]:
    return [text]
