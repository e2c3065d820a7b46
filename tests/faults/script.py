"""What a faulty engine does, as a test writes it down: read by every process that has such an engine."""

import json
import os
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class FaultKind(StrEnum):
    """What happens to one request instead of an answer, or to its answer."""

    BUSY = "busy"  # turned away before anything was spent
    ERROR = "error"  # failed half way: it may have cost
    REFUSE = "refuse"  # this prompt is never served
    HANG = "hang"  # no answer, ever
    OVERRUN = "overrun"  # an answer with one token more than was allowed
    UNCOUNTED = "uncounted"  # an answer that does not say what it cost
    DIE = "die"  # the engine is gone, its process is not
    CRASH = "crash"  # the process kills itself


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault and whom it meets."""

    kind: FaultKind
    share: float = 1.0  # of the requests that it can meet
    prompts: str = ""  # a regular expression that is looked for in the last message; "" is found in all


@dataclass(frozen=True, kw_only=True)
class Script:
    """Answers, delays and faults; of several faults that meet a request the first happens."""

    faults: tuple[Fault, ...] = ()
    shortest_delay_seconds: float = 0.0
    longest_delay_seconds: float = 0.0
    concurrency: int = 64
    answer: str = "yes"
    prompt_tokens: int = 5
    output_tokens: int = 1
    most_output_tokens: int = 1  # a number between the two is drawn for each answer
    seed: int = 0  # no two processes play alike, whatever it is

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    def play(self) -> "Play":
        """The script as this process plays it."""
        return Play(self, random.Random(f"{self.seed}:{os.getpid()}"))


def read_script(path: Path) -> Script:
    """What `Script.write` wrote."""
    document = json.loads(path.read_text())
    faults = tuple(Fault(**fault | {"kind": FaultKind(fault["kind"])}) for fault in document.pop("faults"))
    return Script(faults=faults, **document)


class Play:
    """Draws what happens to one request after the other."""

    def __init__(self, script: Script, generator: random.Random) -> None:
        self.script = script
        self._generator = generator
        self._patterns: Sequence[re.Pattern[str]] = [re.compile(fault.prompts) for fault in script.faults]

    def draw_delay_seconds(self) -> float:
        """How long the next request takes."""
        return self._generator.uniform(self.script.shortest_delay_seconds, self.script.longest_delay_seconds)

    def draw_output_tokens(self, limit: int) -> int:
        """How long the next answer is; never longer than its request allows."""
        longest = max(self.script.output_tokens, self.script.most_output_tokens)
        return min(limit, self._generator.randint(self.script.output_tokens, longest))

    def draw_fault(self, prompt: str) -> FaultKind | None:
        """What happens to the next request, which is for this prompt; None when it is answered well."""
        for fault, pattern in zip(self.script.faults, self._patterns, strict=True):
            if pattern.search(prompt) and self._generator.random() < fault.share:
                return fault.kind
        return None
