"""Twins: tasks of a run that ask exactly what an earlier one asks, and are answered with it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from db.tasks import NewTask
from worker.task_line import read_line

_SORTED = msgspec.json.Encoder(order="sorted")


def find_twins(tasks: Sequence[NewTask]) -> dict[int, int]:
    """The first task that asks the same, for each task that is not the first; both by their place."""
    first: dict[bytes, int] = {}
    twins = {}
    for seq, task in enumerate(tasks):
        question = _digest_question(task.payload)
        leader_seq = seq if question is None else first.setdefault(question, seq)
        if leader_seq < seq:
            twins[seq] = leader_seq
    return twins


def count_alike(task_count: int, *, leader_of: Mapping[int, int]) -> NDArray[np.int64]:
    """(tasks,): how many tasks are answered with each one, itself among them; 0 for a twin."""
    alike = np.ones(task_count, dtype=np.int64)
    np.add.at(alike, list(leader_of.values()), 1)
    alike[list(leader_of)] = 0
    return alike


def _digest_question(payload: str) -> bytes | None:
    """Equal for lines that ask the same of the same models, whatever they are called and however they are graded.

    None for one that asks to be sampled: two draws are wanted, not one twice. A strategy's own sampling is seeded.
    """
    line = read_line(payload)
    body: Mapping[str, Any] = line["body"]
    if body.get("temperature") not in (None, 0):
        return None
    return hashlib.blake2b(_write_sorted([line.get("url"), body]), digest_size=16).digest()


def _write_sorted(value: list[Any]) -> bytes:
    """The same bytes for equal values, in a quarter of Python's time; numbers past a machine's are left to Python."""
    try:
        return _SORTED.encode(value)
    except (msgspec.MsgspecError, OverflowError):
        return json.dumps(value, sort_keys=True).encode()
