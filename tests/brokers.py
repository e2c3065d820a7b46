"""What tests ask of a broker, whichever it is."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A private broker; RabbitMQ still has what earlier tests left there."""

    url: str
    restart: Callable[[], None]  # killed and started again at its address: all it held is lost
