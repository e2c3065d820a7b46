"""`apportion keys`: made, listed, revoked."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy.orm import Session

from db.api_keys import list_keys, revoke_key, store_key
from db.session import run_in_transaction
from db.text import is_storable
from gateway.api_keys import digest_key, make_key
from gateway.errors import NoSuchKey, UsageError
from gateway.exit_codes import ExitCode
from gateway.json_option import print_json, tell
from worker.database import open_database
from worker.settings import read_settings


@dataclass(frozen=True, kw_only=True)
class KeyScope:
    """What a key opens, and how far."""

    tenant: str
    budgets: Sequence[str] | None
    requests_per_minute: int | None
    max_file_bytes: int | None


def create_key(console: Console, *, name: str, scope: KeyScope, as_json: bool) -> ExitCode:
    """The key on a line of its own, so that a script can take the last one."""
    for text in (name, scope.tenant, *(scope.budgets or ())):
        if not text.strip() or not is_storable(text):
            raise UsageError(f"{text!r} is no name: write a text that is not blank")
    key, key_id = make_key(), f"key_{uuid.uuid4().hex}"

    def store(session: Session) -> bool:
        return store_key(
            session,
            key_id=key_id,
            tenant_id=scope.tenant,
            name=name,
            digest=digest_key(key),
            budgets=scope.budgets or None,
            requests_per_minute=scope.requests_per_minute,
            max_file_bytes=scope.max_file_bytes,
        )

    with open_database(read_settings()) as database:
        if not run_in_transaction(database, store):
            raise UsageError(f"tenant {scope.tenant} has a key {name} already: choose another name")
    if as_json:
        print_json(console, {"id": key_id, "name": name, "tenant": scope.tenant, "key": key})
    else:
        console.print(Text(f"key {name} of tenant {scope.tenant}; it is shown only now:"))
        console.print(Text(key), soft_wrap=True)
    return ExitCode.DONE


def list_all_keys(console: Console, *, as_json: bool) -> ExitCode:
    """One row for each key."""
    with open_database(read_settings()) as database:
        keys = run_in_transaction(database, list_keys)
    if as_json:
        print_json(console, [asdict(key) for key in keys])
        return ExitCode.DONE
    table = Table(box=SIMPLE_HEAD)
    for heading in ("key", "tenant", "name", "budgets", "requests/min", "file bytes", "made", "revoked"):
        table.add_column(heading, overflow="fold")
    for key in keys:
        table.add_row(
            *map(Text, (key.id, key.tenant_id, key.name, ", ".join(key.budgets) if key.budgets else "any")),
            *(
                Text("any" if limit is None else f"{limit:,}")
                for limit in (key.requests_per_minute, key.max_file_bytes)
            ),
            f"{key.created_at:%Y-%m-%d %H:%M}",
            "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}",
        )
    console.print(table)
    return ExitCode.DONE


def revoke_one_key(console: Console, *, key_id: str, as_json: bool) -> ExitCode:
    """Requests with it are refused from the next one on."""
    with open_database(read_settings()) as database:
        revoked = run_in_transaction(database, lambda session: revoke_key(session, key_id=key_id))
    if not revoked:
        raise NoSuchKey(f"there is no key {key_id} in use: `apportion keys list` lists them")
    tell(console, f"{key_id} is revoked", {"id": key_id, "revoked": True}, as_json=as_json)
    return ExitCode.DONE
