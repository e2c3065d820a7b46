"""Write the example night and its calibration tasks: `python -m examples.make_night`.

Every task is made here from word lists and templates written for this project; nothing is taken from a
benchmark. The night and the calibration file share kinds and templates but no task: a prompt that appears in one
never appears in the other. Same seed, same files.
"""

import itertools
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from examples.example_words import (
    CAPITALS,
    CITIES,
    COMMANDS,
    CONVERSIONS,
    FACTS,
    MESSAGES,
    NAMES,
    PROBLEMS,
    REVIEWS,
    VERBS,
)

HERE = Path(__file__).parent
NIGHT_PER_KIND, CALIBRATION_PER_KIND, SEED = 40, 80, 20261123

Task = tuple[str, Mapping[str, Any]]


def classification_tasks(draw: random.Random) -> Iterator[Task]:
    """Sentiment of a review and topic of a message, options in the prompt."""
    for text, sentiment in REVIEWS:
        prompt = f"Classify the sentiment of the review.\nReview: {text}"
        yield prompt, {"kind": "choice", "reference": sentiment, "options": ["positive", "negative"]}
    options = ["billing", "delivery", "technical", "cancellation"]
    header = f"Team for a message ({'/'.join(options)})."
    for text, topic in MESSAGES:
        prompt = f"{header}\nMessage: {text}"
        yield prompt, {"kind": "choice", "reference": topic, "options": options}


def extraction_tasks(draw: random.Random) -> Iterator[Task]:
    """A sentence with three facts to be read into a JSON object."""
    templates = [
        ("{name} moved to {city} at the age of {number}.", ("name", "city", "age")),
        ("At {number}, {name} opened a small shop in {city}.", ("name", "city", "age")),
        ("{name}, {number}, works as a nurse in {city}.", ("name", "city", "age")),
        ("Order for {name}: {number} notebooks, to be shipped to {city}.", ("name", "city", "quantity")),
        ("Please send {number} chairs to {city} and address them to {name}.", ("name", "city", "quantity")),
    ]
    for _ in range(400):
        sentence, keys = draw.choice(templates)
        values = {"name": draw.choice(NAMES), "city": draw.choice(CITIES), "number": draw.randint(18, 79)}
        reference = {keys[0]: values["name"], keys[1]: values["city"], keys[2]: values["number"]}
        prompt = f"Extract {keys[0]}, {keys[1]} and {keys[2]} as JSON.\nText: {sentence.format(**values)}"
        yield prompt, {"kind": "json_fields", "reference": reference}


def arithmetic_tasks(draw: random.Random) -> Iterator[Task]:
    """One- and two-step word problems with small whole numbers."""
    for _ in range(400):
        template, formula = draw.choice(PROBLEMS)
        numbers = {"a": draw.randint(12, 60), "b": draw.randint(2, 11), "c": draw.randint(2, 9)}
        answer = formula(numbers["a"], numbers["b"], numbers["c"])
        text = template.format(name=draw.choice(NAMES), **numbers)
        yield text, {"kind": "numeric", "reference": answer}


def conversion_tasks(draw: random.Random) -> Iterator[Task]:
    """A quantity in one unit, wanted in another."""
    for _ in range(400):
        source, target, factor, sizes = draw.choice(CONVERSIONS)
        size = draw.choice(sizes)
        prompt = draw.choice(
            [
                "Convert {size} {source} to {target}.",
                "How many {target} are {size} {source}?",
                "{size} {source} in {target}?",
            ]
        ).format(size=size, source=source, target=target)
        yield prompt, {"kind": "numeric", "reference": round(size * factor, 6), "relative_tolerance": 0.005}


def fact_tasks(draw: random.Random) -> Iterator[Task]:
    """Short questions with one known answer."""
    for country, capital in CAPITALS:
        yield f"What is the capital of {country}?", {"kind": "contains_all", "reference": [capital]}
    for question, answers in FACTS:
        yield question, {"kind": "contains_all", "reference": [list(answers)]}


def rewriting_tasks(draw: random.Random) -> Iterator[Task]:
    """A sentence to be rewritten so that a stated property holds."""
    for (present, past), name in itertools.product(VERBS, NAMES[:12]):
        verb, kept = past.split(" ", 1)[0], past.split(" ")[-1]
        yield (
            f"Rewrite in the past tense: {name} {present}.",
            {
                "kind": "properties",
                "reference": {"must_contain": [name, verb, kept], "max_words": 10},
            },
        )
    for command, kept in COMMANDS:
        yield (
            f"Rewrite politely, with the word please.\nSentence: {command}!",
            {
                "kind": "properties",
                "reference": {"must_contain": ["please", kept], "max_words": 14},
            },
        )
    for (present, past), name in itertools.product(VERBS[::2], NAMES[12:16]):
        yield (
            f"Make the sentence negative.\nSentence: {name} {present}.",
            {
                "kind": "properties",
                "reference": {"must_contain": [name, "not", past.split(" ")[-1]], "max_words": 12},
            },
        )


KINDS = {
    "classification": classification_tasks,
    "extraction": extraction_tasks,
    "arithmetic": arithmetic_tasks,
    "conversion": conversion_tasks,
    "fact": fact_tasks,
    "rewriting": rewriting_tasks,
}


def batch_line(*, custom_id: str, prompt: str, grader: Mapping[str, Any]) -> str:
    """One line of an OpenAI batch file, with our `grader` beside the body."""
    body = {"model": "auto", "messages": [{"role": "user", "content": prompt}]}
    line = {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body, "grader": grader}
    return json.dumps(line, ensure_ascii=False)


def write_files(folder: Path = HERE) -> None:
    """Deal each kind's tasks into the two files and write them, shuffled."""
    draw = random.Random(SEED)  # noqa: S311  the files must come out the same every time
    night: list[str] = []
    calibration: list[str] = []
    for kind, make in KINDS.items():
        tasks = list(dict(make(draw)).items())
        draw.shuffle(tasks)
        wanted = NIGHT_PER_KIND + CALIBRATION_PER_KIND
        if len(tasks) < wanted:
            raise SystemExit(f"kind {kind} has {len(tasks)} distinct tasks, {wanted} are wanted: add words")
        for number, (prompt, grader) in enumerate(tasks[:wanted]):
            lines, start, label = (
                (night, 0, "night") if number < NIGHT_PER_KIND else (calibration, NIGHT_PER_KIND, "calibration")
            )
            lines.append(batch_line(custom_id=f"{label}-{kind}-{number - start + 1:03d}", prompt=prompt, grader=grader))
    for lines, name in ((night, "night.jsonl"), (calibration, "calibration.jsonl")):
        draw.shuffle(lines)
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_files()
