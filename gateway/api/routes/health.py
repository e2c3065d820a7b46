"""Whether the server lives, and whether it can work: for whoever starts it again, or sends it requests."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text

from db.session import reading_session
from gateway.api.errors import Unavailable
from gateway.api.front_door import Door

routes = APIRouter(tags=["health"])


class Health(BaseModel):
    """A server that can be asked."""

    model_config = ConfigDict(frozen=True)

    status: str


@routes.get("/healthz")
def check_health() -> Health:
    """The process answers."""
    return Health(status="ok")


@routes.get("/readyz")
def check_readiness(door: Door) -> Health:
    """The database answers too, and batches are worked on; 503 when not."""
    with reading_session(door.database) as session:
        session.execute(text("SELECT 1"))
    if not door.desk_is_at_work():
        raise Unavailable("nobody works on batches at the moment: the desk is being started again")
    return Health(status="ready")
