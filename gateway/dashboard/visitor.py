"""Who looks at the dashboard: the tenant of the key that was signed in with, or whoever sits at this machine."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from db.api_keys import ApiKey, admit
from db.session import reading_session
from gateway.api.callers import LOOPBACK
from gateway.api.errors import NotAuthenticated, NotPermitted
from gateway.api.front_door import Door, FrontDoor
from gateway.dashboard.visits import COOKIE, Visits, make_visit
from worker.submission import TENANT


class NotSignedIn(NotAuthenticated):
    """A page that only a key opens; the visitor is led to where keys are asked for."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Whose rows are shown."""

    tenant_id: str
    key: ApiKey | None  # None: no key was ever given out

    @property
    def keeps_strategies(self) -> bool:
        """Whether strategies belong to this tenant; others are not told what is known from everybody's answers."""
        return self.tenant_id == TENANT


def find_visits(request: Request) -> Visits:
    """The visits of this dashboard."""
    visits: Visits = request.app.state.visits
    return visits


def find_visit(request: Request) -> str:
    """The id of this browser's visit, which begins with its first page."""
    if not hasattr(request.state, "visit"):
        request.state.visit = request.cookies.get(COOKIE) or make_visit()
    visit: str = request.state.visit
    return visit


def _admit(request: Request, door: Door) -> Visitor:
    visitor = _identify(request, door)
    request.state.tenant = visitor.tenant_id  # for the log
    request.state.visitor = visitor
    if visitor.key is not None:
        door.limits.admit(visitor.key)
    return visitor


def _identify(request: Request, door: FrontDoor) -> Visitor:
    digest = find_visits(request).digest_of(find_visit(request))
    with reading_session(door.database) as session:
        admission = admit(session, digest=digest)
    if admission.key is not None:
        return Visitor(tenant_id=admission.key.tenant_id, key=admission.key)
    if admission.is_locked:
        raise NotSignedIn("sign in with an API key")
    if request.url.hostname not in LOOPBACK:
        raise NotPermitted("without API keys this server answers its own machine alone, as localhost")
    return Visitor(tenant_id=TENANT, key=None)


Looking = Annotated[Visitor, Depends(_admit)]
