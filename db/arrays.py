"""Lists as one array parameter: an IN list of a window's tasks would pass the protocol's 65,535 parameters."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, ColumnElement, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def among(column: InstrumentedAttribute[int], values: Sequence[int]) -> ColumnElement[bool]:
    """`column = ANY (values)`."""
    return column == any_(literal(list(values), ARRAY(BigInteger)))
