"""What tests ask of a broker, whichever it is."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from tests.private_rabbitmq import PrivateRabbitMQ
from tests.private_redis import kill_redis
from worker.redis import PrivateRedis


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A private broker; RabbitMQ still has what earlier tests left there."""

    url: str
    wipe: Callable[[], None]  # all it held is lost; RabbitMQ has to be restarted for that
    down: Callable[[], AbstractContextManager[None]]  # killed; at the block's end an empty one is at its address

    def restart(self) -> None:
        """Killed and started again at its address: all it held is lost."""
        with self.down():
            pass


def broker_of_redis(server: PrivateRedis) -> Broker:
    """A private Redis."""

    @contextmanager
    def down() -> Iterator[None]:
        kill_redis(server)
        try:
            yield
        finally:
            server.start()

    def wipe() -> None:
        with server.connect() as client:
            client.flushall()

    return Broker(url=server.url, wipe=wipe, down=down)


def broker_of_rabbitmq(server: PrivateRabbitMQ) -> Broker:
    """A private RabbitMQ."""

    @contextmanager
    def down() -> Iterator[None]:
        server.kill()
        try:
            yield
        finally:
            server.start()

    return Broker(url=server.url, wipe=server.restart, down=down)
