"""Training, validation and test queries of a data set."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

TRAIN, VALIDATION = 0.6, 0.1  # the rest is for testing


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Row numbers, in an order drawn by the seed."""

    train: Rows
    validation: Rows
    test: Rows


def split_by_group(groups: NDArray[np.str_], *, seed: int) -> Split:
    """60/10/30 of the queries (queries,), as nearly as whole groups allow."""
    names, group = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    share = np.cumsum(np.bincount(group)[order]) / len(groups)  # of the queries, up to and with each group
    part = np.empty(len(names), dtype=np.intp)
    part[order] = np.searchsorted((TRAIN, TRAIN + VALIDATION), share - 1e-9)
    shuffled = np.random.default_rng(seed + 1).permutation(len(groups))
    parts = [shuffled[part[group[shuffled]] == number] for number in range(3)]
    return Split(train=parts[0], validation=parts[1], test=parts[2])


def hold_out(held: NDArray[np.bool_], groups: NDArray[np.str_], *, seed: int) -> Split:
    """Tests on the queries (queries,) that are held out; 90/10 of the others, by group, train and validate.

    Queries of a held-out group, such as the same text in another category, are in no part.
    """
    rest = np.flatnonzero(~np.isin(groups, groups[held]))
    inner = split_by_group(groups[rest], seed=seed)
    return Split(
        train=rest[np.concatenate((inner.train, inner.test))],
        validation=rest[inner.validation],
        test=np.flatnonzero(held),
    )
