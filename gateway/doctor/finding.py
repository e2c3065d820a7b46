"""What one look of the doctor found."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from gateway.failures import describe_failure


class Finding(NamedTuple):
    """One thing that was looked at; where it is not well, the text says what to do."""

    well: bool
    text: str


def attempt(look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What was found; an error on the way is a finding too."""
    try:
        return list(look())
    except Exception as error:  # a doctor reports what it meets
        return [Finding(False, describe_failure(error).message)]
