"""Ctrl-C once drains, twice aborts, and afterwards everything is as before."""

import os
import signal
from collections.abc import Iterator

import pytest

from gateway.interrupts import Interruption, Interrupts


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C as at a terminal: a shell's background jobs inherit that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def make(calls: list[str]) -> Interrupts:
    return Interrupts(on_drain=lambda: calls.append("drain"), on_abort=lambda: calls.append("abort"))


def test_first_drains_second_aborts_third_is_a_plain_interrupt() -> None:
    calls: list[str] = []
    with make(calls) as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        after_one = interrupts.state
        os.kill(os.getpid(), signal.SIGINT)
        assert (after_one, interrupts.state) == (Interruption.DRAIN, Interruption.ABORT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert calls == ["drain", "abort"]


def test_terminate_drains_and_never_aborts() -> None:
    calls: list[str] = []
    with make(calls):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert calls == ["drain"]


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with make([]):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
