"""Upgrades summed by their price."""

from typing import NamedTuple

import numpy as np

from router.blocks import map_blocks
from router.hull import trace_block
from router.instance import Block, Floats, Indices, Instance


class BucketSums(NamedTuple):
    """What the upgrades in each bucket add."""

    upgrades: Floats  # (buckets,) how many
    extra_cost: Floats  # (buckets,)
    gain: Floats  # (buckets,)


def sum_buckets(instance: Instance, cheapest: Indices, edges: Floats) -> BucketSums:
    """All hull segments, each in the bucket that its slope falls in; edges descend and belong to the steeper bucket."""
    buckets = len(edges) + 1

    def add_up(block: Block) -> BucketSums:
        segments = trace_block(block, cheapest)
        bucket = len(edges) - np.searchsorted(edges[::-1], segments.slope, side="right")
        return BucketSums(
            np.bincount(bucket, minlength=buckets).astype(np.float64),
            np.bincount(bucket, segments.extra_cost, buckets).astype(np.float64),
            np.bincount(bucket, segments.gain, buckets).astype(np.float64),
        )

    total = BucketSums(np.zeros(buckets), np.zeros(buckets), np.zeros(buckets))
    blocks = map_blocks(add_up, instance)
    for sums in blocks:  # in their order, whichever thread was first
        for so_far, more in zip(total, sums, strict=True):
            np.add(so_far, more, out=so_far)
    return total
