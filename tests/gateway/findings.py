"""Looks of the doctor, and what they found."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy.orm import Session

from gateway.doctor.finding import Finding


def is_ill(findings: Sequence[Finding], *words: str) -> bool:
    """Whether exactly one finding is not well, and says all this."""
    (ill,) = [finding for finding in findings if not finding.well]
    return all(word in ill.text for word in words)


def find(look: Callable[..., Iterator[Finding]], session: Session, **given: Any) -> list[Finding]:
    return list(look(session, **given))
