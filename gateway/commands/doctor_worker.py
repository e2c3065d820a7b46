"""`apportion doctor --worker`: whether a worker of this machine told the database of itself just now.

For health checks, which run every half minute: it imports little, and it does not ask the broker, without which workers
go on working.
"""

import socket

from rich.console import Console
from sqlalchemy import create_engine

from db.session import session_scope
from db.workers import list_workers
from gateway.errors import UsageError
from gateway.exit_codes import ExitCode
from gateway.json_option import tell
from worker.settings import read_settings

CONNECT_SECONDS = 5


def examine_worker(console: Console, *, as_json: bool) -> ExitCode:
    """UNHEALTHY when none did."""
    url = read_settings().database_url
    if url is None:
        raise UsageError("--worker looks at the database that workers share: name it in APPORTION_DATABASE_URL")
    database = create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS})
    try:
        with session_scope(database) as session:
            here = [seen for seen in list_workers(session) if seen.owner.startswith(f"{socket.gethostname()}:")]
    finally:
        database.dispose()
    alive = [seen for seen in here if not seen.is_silent]
    queues = sorted({queue for seen in alive for queue in seen.queues})
    words = f"at work here: {', '.join(queues)}" if alive else "no worker of this machine is at work"
    tell(console, words, {"well": bool(alive), "queues": queues}, as_json=as_json)
    return ExitCode.DONE if alive else ExitCode.UNHEALTHY
