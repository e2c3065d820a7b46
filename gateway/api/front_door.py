"""What the endpoints work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine as Database

from db.api_keys import ApiKey
from gateway.api.planning_room import PlanningRoom
from gateway.api.rate_limits import RateLimits
from gateway.file_store import FileStore
from router.strategy import StrategyPool
from worker.chat_room import ChatRoom
from worker.settings import Settings


@dataclass(frozen=True, kw_only=True, eq=False)
class FrontDoor:
    """Built by gateway/bootstrap.py; the app keeps it."""

    settings: Settings
    database: Database
    pool: StrategyPool  # what tasks can be routed to
    files: FileStore
    limits: RateLimits
    planning: PlanningRoom
    chat: ChatRoom
    desk_is_at_work: Callable[[], bool]  # whether somebody plans and follows what is stored here

    def most_file_bytes(self, key: ApiKey | None) -> int:
        """How large a file may be that comes with this key."""
        most = self.settings.max_file_bytes
        return most if key is None or key.max_file_bytes is None else min(most, key.max_file_bytes)


async def _find_door(request: Request) -> FrontDoor:
    door: FrontDoor = request.app.state.door
    return door


Door = Annotated[FrontDoor, Depends(_find_door)]
