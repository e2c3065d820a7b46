"""The Celery application: messages only wake, so nothing depends on one arriving."""

from celery import Celery
from kombu import Exchange, Queue

from worker.queues import RECONCILER, ROUTER, TRAINER
from worker.settings import Settings
from worker.station import Station

WAKE = "apportion.wake"
RING_EXPIRES_SECONDS = 10.0  # a worker that finds an older ring drops it: it has looked for itself since
CONNECT_SECONDS = 2.0


class StationOf:
    """Where the Celery task finds the station of its process, once there is one."""

    station: Station | None = None


def make_celery(settings: Settings, *, station_of: StationOf) -> Celery:
    """An application on the broker of the settings."""
    app = Celery("apportion", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        # What a worker without -Q consumes. Each has an exchange of its own: by default each hears the rings of all.
        task_queues=[Queue(name, Exchange(name), routing_key=name) for name in (ROUTER, RECONCILER, TRAINER)],
        task_create_missing_queues=True,  # -Q engine.NAME
        task_default_queue=ROUTER,
        task_ignore_result=True,
        task_acks_late=False,  # what is lost is rung again: redelivery is the leases' job
        worker_prefetch_multiplier=1,
        worker_pool="threads",  # the work is done in threads of this very process
        worker_concurrency=1,
        worker_hijack_root_logger=True,
        worker_send_task_events=False,
        worker_soft_shutdown_timeout=0.0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # workers go on without a broker, for as long as it takes
        broker_connection_timeout=CONNECT_SECONDS,
        broker_transport_options={"socket_connect_timeout": CONNECT_SECONDS, "socket_keepalive": True},
        worker_cancel_long_running_tasks_on_connection_loss=True,
    )

    @app.task(name=WAKE)
    def wake_queue(queue: str) -> None:
        if station_of.station is not None:
            station_of.station.wake(queue)

    return app


def ring(app: Celery, queue: str) -> None:
    """Wake a worker of this queue, if there is one; an error of the broker's when it can not be reached."""
    app.send_task(WAKE, args=[queue], queue=queue, expires=RING_EXPIRES_SECONDS, retry=False, ignore_result=True)


def reach_broker(app: Celery) -> str:
    """The broker's address without its password; an error of its library when it can not be reached."""
    with app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0)
        _ = connection.default_channel  # Redis is not spoken to before
        return str(connection.as_uri())
