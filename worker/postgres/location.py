"""Where the server lives when nobody names a place."""

import os
from pathlib import Path

import platformdirs


def default_data_directory() -> Path:
    """Root's data must be reachable by the unprivileged user the server runs as, so it is not under /root."""
    return Path("/var/lib/apportion") if os.geteuid() == 0 else platformdirs.user_data_path("apportion")
