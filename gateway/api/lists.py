"""Lists in pages, as OpenAI's client turns them."""

from collections.abc import Callable, Sequence
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from db.pages import PageAsked
from gateway.api.errors import NoSuchObject

Row = TypeVar("Row")


class Listed(BaseModel):
    """What can be in a list: it has an id."""

    model_config = ConfigDict(frozen=True)

    id: str


Item = TypeVar("Item", bound=Listed)


class ListPage(BaseModel, Generic[Item]):
    """A page; `has_more` says whether another one follows behind `last_id`."""

    model_config = ConfigDict(frozen=True)

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


def make_page(rows: Sequence[Row] | None, *, asked: PageAsked, show: Callable[[Row], Item]) -> ListPage[Item]:
    """The page of rows that were read with one to spare; NoSuchObject where they were to follow an unknown one."""
    if rows is None:
        raise NoSuchObject(f"there is nothing called {asked.after} to go on from", param="after")
    shown = [show(row) for row in rows[: asked.limit]]
    return ListPage(
        data=shown,
        first_id=shown[0].id if shown else None,
        last_id=shown[-1].id if shown else None,
        has_more=len(rows) > asked.limit,
    )
