"""Keys in tests, given out as `apportion keys create` does."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from db.api_keys import store_key
from db.session import session_scope
from gateway.api.front_door import FrontDoor
from gateway.api_keys import digest_key, make_key


@dataclass(frozen=True, kw_only=True)
class Given:
    """A key that was given out."""

    id: str
    key: str

    @property
    def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.key}"}


def give_key(door: FrontDoor, *, tenant: str, **limits: object) -> Given:
    given = Given(id=f"key_{uuid.uuid4().hex}", key=make_key())
    scope = {"budgets": None, "requests_per_minute": None, "max_file_bytes": None} | limits
    with session_scope(door.database) as session:
        assert store_key(
            session,
            key_id=given.id,
            tenant_id=tenant,
            name=given.id,
            digest=digest_key(given.key),
            **scope,  # type: ignore[arg-type]  # limits by name
        )
    return given
