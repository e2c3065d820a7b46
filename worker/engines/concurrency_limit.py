"""How many requests a server gets at a time: what it takes without turning any away or letting many wait."""

from dataclasses import dataclass, replace

FIRST_LIMIT = 4.0
QUEUE_SHARE = 0.1  # of what is served that may wait in the server besides: it never idles between two readings


@dataclass(frozen=True, kw_only=True)
class ConcurrencyLimit:
    """Additive increase and multiplicative decrease after a slow start, as TCP finds what a path carries (RFC 5681).

    A server shows its limit by turning requests away, by losing or keeping them, or by a queue that it tells of.
    """

    most: int  # never passed; at least 1
    limit: float = FIRST_LIMIT
    is_starting: bool = True  # doubled with every round of answers, until the server shows its limit for the first time
    is_held: bool = False  # the last reading found a queue as long as it should be

    @property
    def places(self) -> int:
        """Requests that may be in flight, from 1 to `most`."""
        return max(1, min(int(self.limit), self.most))

    def after_answer(self, *, in_flight: int) -> "ConcurrencyLimit":
        """An answer came while so many were in flight: a round of them is one place more, if all places were taken."""
        if in_flight < self.places or self.is_held:
            return self
        more = 1.0 if self.is_starting else 1.0 / self.limit
        return replace(self, limit=min(self.limit + more, float(self.most)))

    def after_overload(self) -> "ConcurrencyLimit":
        """The server turned a request away, lost it or kept it too long: half as many."""
        return replace(self, limit=max(1.0, min(self.limit, float(self.most)) / 2), is_starting=False)

    def after_reading(self, *, waiting: int, in_flight: int) -> "ConcurrencyLimit":
        """The server says how many requests wait in it, while so many of ours were in flight.

        Whoever sent them: what waits is taken for ours, so that clients of one server share it.
        """
        if waiting == 0:
            return replace(self, is_held=False)
        served = max(0, in_flight - waiting)
        enough = max(served * (1.0 + QUEUE_SHARE), self.limit / 2, 1.0)
        return replace(self, limit=min(self.limit, enough), is_starting=False, is_held=True)
