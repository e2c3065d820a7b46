"""Who asks: the tenant of an API key, or, where no key was ever given out, whoever sits at this machine."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from db.api_keys import ApiKey, admit
from db.session import reading_session
from gateway.api.errors import NotAuthenticated
from gateway.api.front_door import Door
from gateway.api_keys import digest_key
from worker.submission import TENANT

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_bearer = HTTPBearer(
    auto_error=False, description="A key of `apportion keys create`; none is needed until there is one."
)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A caller who was let in."""

    tenant_id: str
    key: ApiKey | None  # None: no key was ever given out

    @property
    def name(self) -> str:
        """What is kept with what they say and change."""
        return "API of this machine" if self.key is None else f"API key {self.key.name}"


def _find_caller(request: Request, door: Door, credentials: Credentials) -> Known:
    caller = _identify(request, door, credentials)
    request.state.tenant = caller.tenant_id  # for the log
    if caller.key is not None:
        door.limits.admit(caller.key)
    return caller


def _identify(request: Request, door: Door, credentials: Credentials) -> Known:
    digest = None if credentials is None else digest_key(credentials.credentials)
    with reading_session(door.database) as session:
        admission = admit(session, digest=digest)
    if admission.key is not None:
        return Known(tenant_id=admission.key.tenant_id, key=admission.key)
    if admission.is_locked:
        missing = "no API key was given" if credentials is None else "this API key is not known, or was revoked"
        raise NotAuthenticated(f"{missing}: send one as `Authorization: Bearer KEY`")
    if request.url.hostname not in LOOPBACK:  # a page in a browser that was led here by another name
        raise NotAuthenticated("without API keys this server answers its own machine alone, as localhost")
    return Known(tenant_id=TENANT, key=None)


Caller = Annotated[Known, Depends(_find_caller)]
