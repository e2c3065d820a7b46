"""What `celery -A worker.app ...` finds: `worker -Q router,reconciler,engine.NAME,trainer`, `inspect`, `flower`."""

import sys
from functools import cache

from celery import Celery

from worker.celery_app import StationOf, make_celery
from worker.celery_log import write_json
from worker.celery_step import make_step
from worker.errors import SettingError
from worker.json_log import LogFormat
from worker.settings import read_settings


def __getattr__(name: str) -> Celery:
    """`app`, built when it is first asked for: importing this module builds nothing."""
    if name == "app":
        return _build_app()
    raise AttributeError(f"module {__name__} has no attribute {name}")


@cache
def _build_app() -> Celery:
    try:
        settings = read_settings()
        if settings.broker_url is None:
            raise SettingError("APPORTION_BROKER_URL is not set: a worker is rung through a broker, so name one")
    except SettingError as error:
        sys.exit(f"error: {error}")
    if settings.log_format is LogFormat.JSON:
        write_json()
    station_of = StationOf()
    app = make_celery(settings, station_of=station_of)
    app.steps["worker"].add(make_step(settings, station_of=station_of))
    return app
