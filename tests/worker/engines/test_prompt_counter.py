"""Prompt counts are exact: they are what the chat template and the tokenizer give without any shortcut."""

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.generation import PLAIN_ROLE, Message
from worker.engines.errors import EngineMisconfigured
from worker.engines.prompt_bound import PromptBound
from worker.engines.prompt_counter import PromptCounter
from worker.weights import ModelFolder

# Text as people write it, as people should not, and with the model's own special tokens in the middle of it.
PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "\n", "\n\n", " ", "  ", "été", "12.5", "<", "|>", "A"]
    ),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)
CONVERSATIONS = st.lists(
    st.builds(Message, role=st.sampled_from(["system", "user", "assistant"]), content=TEXTS), min_size=1, max_size=5
).map(tuple)
PLAIN_PROMPTS = TEXTS.map(lambda text: (Message(role=PLAIN_ROLE, content=text),))


def encode_whole(counter: PromptCounter, messages: tuple[Message, ...]) -> list[int]:
    if messages[0].role == PLAIN_ROLE:
        ids: list[int] = counter.tokenizer(messages[0].content, add_special_tokens=False)["input_ids"]
        return ids
    turns = [{"role": message.role, "content": message.content} for message in messages]
    if len(turns) > 1 and turns[-1]["role"] == "assistant":  # an answer that was begun, to go on with
        begun = counter.tokenizer.apply_chat_template(turns[:-1], add_generation_prompt=True, tokenize=False)
        ids = counter.tokenizer(begun + turns[-1]["content"], add_special_tokens=False)["input_ids"]
        return ids
    ids = counter.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    return ids


@settings(max_examples=200)
@given(prompts=st.lists(CONVERSATIONS | PLAIN_PROMPTS, min_size=1, max_size=4))
def test_counts_and_ids_are_those_of_the_whole_text(counter: PromptCounter, prompts: list[tuple[Message, ...]]) -> None:
    expected = [encode_whole(counter, messages) for messages in prompts]
    assert [counter.encode(messages) for messages in prompts] == expected
    assert counter.count(prompts) == [len(ids) for ids in expected]


@settings(max_examples=200)
@given(beginning=TEXTS, ends=st.lists(TEXTS, min_size=2, max_size=4))
def test_prompts_that_begin_alike_are_counted_each_as_alone(
    counter: PromptCounter, beginning: str, ends: list[str]
) -> None:
    prompts = [(Message(role=PLAIN_ROLE, content=f"{beginning}{end}"),) for end in ends]
    assert counter.count(prompts) == [len(encode_whole(counter, messages)) for messages in prompts]


@given(messages=CONVERSATIONS)
@settings(max_examples=100)
def test_the_bound_is_never_below_the_count(counter: PromptCounter, messages: tuple[Message, ...]) -> None:
    assert PromptBound().count([messages])[0] >= counter.count([messages])[0]


def test_a_counter_that_keeps_few_pieces_counts_the_same(folder: ModelFolder, counter: PromptCounter) -> None:
    forgetful = PromptCounter(folder.path, kept_pieces=3)
    prompts = [(Message(role="user", content=f"Is {number} even?"),) for number in range(20)]
    assert forgetful.count(prompts) == counter.count(prompts)
    assert forgetful.encode(prompts[0]) == counter.encode(prompts[0])


def test_threads_share_a_counter(folder: ModelFolder) -> None:
    shared = PromptCounter(folder.path, kept_pieces=5)
    prompts = [(Message(role="user", content=f"What is {number} squared?"),) for number in range(50)]
    expected = shared.count(prompts)
    seen: list[list[int]] = []
    threads = [threading.Thread(target=lambda: seen.append(shared.count(prompts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 4


def test_a_model_without_a_chat_template_is_refused(folder: ModelFolder, tmp_path: Path) -> None:
    for path in folder.path.iterdir():
        if path.name not in {"chat_template.jinja", "model.safetensors"}:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(EngineMisconfigured, match="no chat template"):
        _ = PromptCounter(tmp_path).tokenizer
