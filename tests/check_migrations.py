"""`alembic check` against a private server: fails when the models have what no migration makes. Part of `make lint`."""

import os
import tempfile
from pathlib import Path

from alembic import command

from worker.migration import alembic_config, migrate
from worker.postgres import EmbeddedPostgres

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="apportion-lint-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            folder.chmod(0o755)  # ours; the server's unprivileged user has to pass
        with EmbeddedPostgres(folder / "postgres") as url:
            migrate(url)
            command.check(alembic_config(url))
