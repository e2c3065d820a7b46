"""Reads the settings of methods that draw samples of another method."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from router.decoding.best_of_n import BestOfN, Sureness
from router.decoding.early_vote import EarlyVote
from router.decoding.one_request import OneRequest
from router.decoding.protocol import DecodingMethod
from router.decoding.self_consistency import SelfConsistency
from router.fields import Fields
from router.generation import Capability

MOST_SAMPLES = 64
SAMPLING_KEYS = ("base", "n", "temperature", "top_p", "seed")

ReadBase = Callable[[Fields], DecodingMethod]


def read_self_consistency(settings: Fields, read_base: ReadBase) -> SelfConsistency | EarlyVote:
    """Self-consistency from a strategy file's settings, in one request or, with `stop_early`, in several."""
    settings.allow(*SAMPLING_KEYS, "stop_early", "step")
    vote = SelfConsistency(**_read_sampling(settings, read_base)._asdict())
    early = settings.values.get("stop_early")
    if early is None or early is False:
        if "step" in settings:
            raise settings.error("step", "is only used with stop_early")
        return vote
    threshold = None if early is True else settings.decimal("stop_early", low=Decimal("0.5"), high=Decimal(1))
    decisive = min(vote.n // 2 + 1, vote.n - 1)  # as few samples as can decide a vote by themselves
    return EarlyVote(
        vote=vote,
        step=settings.count("step", decisive, most=vote.n - 1),
        threshold=None if threshold is None else float(threshold),
    )


def read_best_of_n(settings: Fields, read_base: ReadBase) -> BestOfN:
    """Best-of-n from a strategy file's settings."""
    settings.allow(*SAMPLING_KEYS, "by")
    by = Sureness(settings.one_of("by", Sureness, noun="scores"))
    return BestOfN(by=by, **_read_sampling(settings, read_base)._asdict())


class Sampling(NamedTuple):
    """What is sampled, and how."""

    base: OneRequest
    n: int
    temperature: float
    top_p: float
    seed: int


def _read_sampling(settings: Fields, read_base: ReadBase) -> Sampling:
    base = read_base(settings.inner("base"))
    if Capability.SAMPLES in base.needs:
        raise settings.error("base.method", f"{base.name} already draws several samples; wrap a method that draws one")
    if not isinstance(base, OneRequest):
        raise settings.error("base.method", f"{base.name} asks several requests; wrap a method that asks one")
    return Sampling(
        base=base,
        n=settings.count("n", least=2, most=MOST_SAMPLES),
        temperature=float(settings.decimal("temperature", Decimal("0.7"), low=Decimal("0.01"), high=Decimal(2))),
        top_p=float(settings.decimal("top_p", Decimal(1), low=Decimal("0.01"), high=Decimal(1))),
        seed=settings.count("seed", 0, least=0, most=2**31 - 1),
    )
