"""The broker: it can be reached, or nobody needs it."""

from collections.abc import Iterator

from gateway.doctor.finding import Finding
from worker.celery_app import StationOf, make_celery, reach_broker
from worker.settings import Settings


def look_at_broker(settings: Settings) -> Iterator[Finding]:
    """Whether rings arrive."""
    if settings.broker_url is None:
        yield Finding(True, "broker: none is named (APPORTION_BROKER_URL), so commands do the work themselves")
        return
    with make_celery(settings, station_of=StationOf()) as app:
        try:
            address = reach_broker(app)
        except Exception as error:  # whatever the broker's library raises
            yield Finding(
                False,
                f"broker: can not be reached ({error}): start it, or correct APPORTION_BROKER_URL; meanwhile jobs are "
                "accepted, and workers look for work themselves every second",
            )
        else:
            yield Finding(True, f"broker: {address} answers")
