"""Brokers as the fault suite disturbs them."""

from typing import Protocol

from tests.private_rabbitmq import PrivateRabbitMQ
from tests.private_redis import kill_redis
from worker.redis import PrivateRedis


class Broker(Protocol):
    """A private broker of a test run."""

    @property
    def url(self) -> str:
        """Its address, the same after each start."""

    def wipe(self) -> None:
        """All that waits in it is lost."""

    def restart(self) -> None:
        """The server is killed; an empty one takes its place."""


class RedisBroker:
    """Redis: wiped by FLUSHALL."""

    def __init__(self, server: PrivateRedis) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def wipe(self) -> None:
        """Every queue and every binding is gone."""
        with self._server.connect() as client:
            client.flushall()

    def restart(self) -> None:
        """Dead for a moment, then empty."""
        kill_redis(self._server)
        self._server.start()


class RabbitBroker:
    """RabbitMQ: nothing wipes it but a new server."""

    def __init__(self, server: PrivateRabbitMQ) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._server.url

    def wipe(self) -> None:
        """As a restart."""
        self._server.restart()

    def restart(self) -> None:
        """Dead for some seconds, then empty."""
        self._server.restart()
