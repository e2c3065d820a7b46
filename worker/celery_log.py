"""Celery's log in JSON: its levels and its files as it was asked for them, each line in our form."""

import logging

from celery.signals import after_setup_logger, after_setup_task_logger

from worker.json_log import FORMATTERS, LogFormat


def write_json() -> None:
    """Lines of this process's Celery worker are JSON from the time on when it sets up its log."""
    for is_set_up in (after_setup_logger, after_setup_task_logger):
        is_set_up.connect(_format_as_json)


def _format_as_json(*, logger: logging.Logger, **_: object) -> None:
    for handler in logger.handlers:
        handler.setFormatter(FORMATTERS[LogFormat.JSON])
