"""Settings: the only module that reads the environment."""

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from psycopg import ProgrammingError
from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from worker.errors import SettingError
from worker.exploration_terms import parse_exploration
from worker.json_log import LogFormat
from worker.postgres.location import default_data_directory

DATABASE_DRIVERS = ("postgresql", "postgresql+psycopg")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this command runs; every field can be set by a variable APPORTION_<FIELD>."""

    database_url: str | None = None  # None: a private embedded server
    broker_url: str | None = None  # None: commands do the work themselves; else Celery workers do
    api_url: str | None = None  # None: commands work on the database; else they ask this server
    api_key: str | None = field(default=None, repr=False)  # what it knows us by; also from a file, API_KEY_FILE
    strategies: Path | None = None  # the strategy file of a worker's engine, or trainer
    data_directory: Path  # of the embedded server
    cache_directory: Path  # converted weights; may be deleted at any time
    encoder_model: str | None = None  # None: the packaged MiniLM
    lease_seconds: float = 8.0  # how long a worker's silence is believed to be work
    stall_seconds: float = 300.0  # how long an engine may finish nothing before its groups are let go
    window_tasks: int | None = None  # tasks routed together; None: an eighth of the job, 50 to 5000
    group_tasks: int = 500  # most tasks in one group
    batch_tasks: int = 16  # most tasks reserved, run and settled together
    drain_seconds: float = 30.0  # how long a worker that is asked to end waits for what its engine is at
    window_age_seconds: float = 1.0  # how long small jobs of one budget wait for others, to be routed together
    max_file_bytes: int = 8 * 2**30  # of an upload
    max_batch_lines: int = 5_000_000  # requests in a batch
    exploration: float = 0.05  # the share of the money that jobs explore with which say nothing of it; 0: off
    train_seconds: float = 86_400.0  # after which trainers learn from whatever is new, however little
    log_format: LogFormat | None = None  # None: servers and their desks write JSON, Celery workers text
    torch_threads: int = 1  # more than one collapses throughput on shared cores

    @property
    def has_workers(self) -> bool:
        """Whether Celery workers do the work of commands."""
        return self.broker_url is not None

    @property
    def is_watching(self) -> bool:
        """Whether others work on a command's job, so that it goes on without the command."""
        return self.has_workers or self.api_url is not None

    def window_size(self, task_count: int) -> int:
        """How many tasks a window of a job of this size takes."""
        return self.window_tasks or max(50, min(5000, -(-task_count // 8)))


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings that the environment asks for; SettingError names the variable."""
    given = {name: environ.get(f"APPORTION_{name.upper()}") or None for name in Settings.__dataclass_fields__}
    if given["broker_url"] and not given["database_url"]:
        raise SettingError(
            "APPORTION_BROKER_URL is set and APPORTION_DATABASE_URL is not: workers share a database, so name it, "
            "or unset the broker to work without workers"
        )
    return Settings(
        database_url=_database_url(given["database_url"]),
        broker_url=_broker_url(given["broker_url"]),
        api_url=_api_url(given["api_url"]),
        api_key=given["api_key"] or _read_key_file(environ.get("APPORTION_API_KEY_FILE")),
        strategies=None if given["strategies"] is None else _path(given["strategies"], Path()),
        data_directory=_path(given["data_directory"], default_data_directory()),
        cache_directory=_path(given["cache_directory"], Path(platformdirs.user_cache_dir("apportion"))),
        encoder_model=given["encoder_model"],
        lease_seconds=_number("lease_seconds", given["lease_seconds"], Settings.lease_seconds),
        stall_seconds=_number("stall_seconds", given["stall_seconds"], Settings.stall_seconds),
        window_tasks=_count("window_tasks", given["window_tasks"]),
        group_tasks=_count("group_tasks", given["group_tasks"]) or Settings.group_tasks,
        batch_tasks=_count("batch_tasks", given["batch_tasks"]) or Settings.batch_tasks,
        drain_seconds=_number("drain_seconds", given["drain_seconds"], Settings.drain_seconds),
        window_age_seconds=_number("window_age_seconds", given["window_age_seconds"], Settings.window_age_seconds),
        max_file_bytes=_count("max_file_bytes", given["max_file_bytes"]) or Settings.max_file_bytes,
        max_batch_lines=_count("max_batch_lines", given["max_batch_lines"]) or Settings.max_batch_lines,
        exploration=_exploration(given["exploration"]),
        train_seconds=_number("train_seconds", given["train_seconds"], Settings.train_seconds),
        log_format=_log_format(given["log_format"]),
        torch_threads=_count("torch_threads", given["torch_threads"]) or Settings.torch_threads,
    )


def give_environment(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Our own environment, with what makes another process read these settings in it."""
    given = {name: getattr(settings, name) for name in Settings.__dataclass_fields__}
    own = {f"APPORTION_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    return {**environ, **own}


@contextmanager
def lend_variable(
    name: str, change: Callable[[str | None], str | None], environ: MutableMapping[str, str] = os.environ
) -> Iterator[None]:
    """Processes that are started meanwhile inherit what the variable is changed to; None: that it is not set."""
    earlier = environ.get(name)
    _set(environ, name, change(earlier))
    try:
        yield
    finally:
        _set(environ, name, earlier)


def _set(environ: MutableMapping[str, str], name: str, value: str | None) -> None:
    if value is None:
        environ.pop(name, None)
    else:
        environ[name] = value


def read_secret(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of the variable that a strategy file names for a server's key; SettingError when it is not set."""
    value = environ.get(name)
    if not value:
        raise SettingError(f"the strategy file takes a key from the variable {name}, which is not set: export it")
    return value


def _database_url(value: str | None) -> str | None:
    """The address as it was given, once it can be one of Postgres; no error repeats what may hold a password."""
    if value is None:
        return None
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise _bad_database_url("can not be read as an address") from None
    if url.drivername not in DATABASE_DRIVERS:
        raise _bad_database_url(f"begins with {url.drivername}://")
    if "@" in (url.host or ""):
        raise _bad_database_url("has an @ too many")
    try:
        make_conninfo(**dict.fromkeys(url.query, ""))
    except ProgrammingError as error:
        raise _bad_database_url(f"has an {str(error).strip()}") from None
    return value


def _broker_url(value: str | None) -> str | None:
    """The address as it was given, once it can be one of a broker; no error repeats what may hold a password."""
    if value is None:
        return None
    scheme = value.partition("://")[0] if "://" in value else ""
    if scheme not in BROKER_SCHEMES:
        begins = f"begins with {scheme}://" if scheme else "has no scheme"
        raise SettingError(
            f"APPORTION_BROKER_URL {begins}: write redis://HOST:PORT/0 or amqp://USER:PASSWORD@HOST:PORT/VHOST "
            "(or rediss://, redis+socket://, amqps://), or leave it unset to work without a broker"
        )
    return value


def _api_url(value: str | None) -> str | None:
    """The server's own address, without the `/v1` that OpenAI's clients want."""
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise SettingError(
            "APPORTION_API_URL can not be read as a server's address: write https://HOST:PORT, and the key in "
            "APPORTION_API_KEY"
        )
    return value.rstrip("/").removesuffix("/v1")


def _read_key_file(name: str | None) -> str | None:
    if not name:
        return None
    try:
        return Path(name).expanduser().read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"APPORTION_API_KEY_FILE: {name} can not be read: {error}") from None


def _bad_database_url(problem: str) -> SettingError:
    form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters of the password as %XX"
    return SettingError(f"APPORTION_DATABASE_URL {problem}: write {form}, or leave it unset for the embedded server")


def _path(value: str | None, default: Path) -> Path:
    return default if value is None else Path(value).expanduser().absolute()


def _number(field: str, value: str | None, default: float) -> float:
    if value is None:
        return default
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise SettingError(f"APPORTION_{field.upper()} is {value!r}: write a positive number of seconds")
    return number


def _exploration(value: str | None) -> float:
    if value is None:
        return Settings.exploration
    try:
        return parse_exploration(value)
    except ValueError as error:
        raise SettingError(f"APPORTION_EXPLORATION is {error}") from None


def _log_format(value: str | None) -> LogFormat | None:
    if value is None:
        return None
    if value not in list(LogFormat):
        raise SettingError(f"APPORTION_LOG_FORMAT is {value!r}: write one of {', '.join(LogFormat)}")
    return LogFormat(value)


def _count(field: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise SettingError(f"APPORTION_{field.upper()} is {value!r}: write a whole number of at least 1")
    return int(value)
