"""Parts of an allowance that routers may commit on their own before they look again."""

from dataclasses import dataclass

from router.pacing.price import Price

PARTS_PER_ROUTER = 2  # a grant leaves every router room for more than one of its size


@dataclass(frozen=True, kw_only=True)
class Lease:
    """What one router may commit, and at which price, until its money or its epoch ends."""

    amount: int  # quanta
    price: Price
    epoch: int

    def covers(self, allowance: float, *, epoch: int) -> bool:
        """Whether a window's allowance can be committed without looking again."""
        return allowance <= self.amount and epoch == self.epoch

    def spend(self, cost: int) -> "Lease":
        """What is left after a window."""
        return Lease(amount=self.amount - cost, price=self.price, epoch=self.epoch)


def grant_amount(*, left: int, leased: int, routers: int, asked: int) -> int:
    """Quanta that one of several routers is given: leases never add up to more than what is left.

    An even part, so that no router runs out because another holds what it does not need; more where the window in hand
    asks for more and it is there. Parts shrink as the money does, and are given back with what was not committed.
    """
    free = max(left - leased, 0)
    return min(free, max(asked, free // (PARTS_PER_ROUTER * routers)))
