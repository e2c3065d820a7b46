"""Text that a database can look for."""

from typing import Annotated

from pydantic import AfterValidator

from gateway.jsonline import UNSTORABLE


def _require_storable(value: str) -> str:
    if UNSTORABLE.search(value):
        raise ValueError("holds a character that can not be stored")
    return value


Storable = Annotated[str, AfterValidator(_require_storable)]
