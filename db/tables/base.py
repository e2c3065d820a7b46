"""What all tables share: constraint names, column types and the tenant."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Enum,
    Identity,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    cast,
    func,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

NAMING_CONVENTION = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
}


class Quanta(TypeDecorator[int]):
    """An exact amount: int in Python, NUMERIC(38, 0) in Postgres."""

    impl = Numeric(38, 0)
    cache_ok = True

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        if value is not None and not isinstance(value, int):
            raise TypeError(f"an amount must be an int of quanta, not {type(value).__name__} {value!r}")
        return value


class WholeNumbers(TypeDecorator[list[int]]):
    """An array of exact whole numbers, of the width of `item`.

    Written and read as one text: psycopg would look at each number of a list in Python.
    """

    impl = ARRAY
    cache_ok = True

    def __init__(self, item: Numeric[Decimal] | Integer | BigInteger) -> None:
        super().__init__(item)

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[int] | None], str | None]:
        """Lists to texts."""
        return lambda numbers: None if numbers is None else write_numbers(numbers)

    def column_expression(self, column: ColumnElement[list[int]]) -> ColumnElement[Any]:
        """As text, wherever it is read."""
        return type_coerce(cast(column, Text), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], list[int] | None]:
        """Texts to lists."""
        return lambda text: None if text is None else read_numbers(text)


def write_numbers(numbers: Sequence[int]) -> str:
    """The text of an array of whole numbers; TypeError for any other number."""
    if not all(issubclass(kind, int) for kind in set(map(type, numbers))):
        wrong = next(number for number in numbers if not isinstance(number, int))
        raise TypeError(f"an array of whole numbers can not hold {wrong!r}")
    return f"{{{_encode(list(numbers))[1:-1].decode()}}}"


def read_numbers(text: str) -> list[int]:
    """The whole numbers of an array's text."""
    return _decode(f"[{text[1:-1]}]")


# Between the braces it is JSON's list, which msgspec reads and writes in a tenth of Python's time, large numbers too.
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(list[int]).decode


def text_enum(states: type[StrEnum], *, name: str) -> Enum:
    """A VARCHAR column that a CHECK keeps to the members of `states`."""
    values: Callable[[type[StrEnum]], list[str]] = lambda members: [member.value for member in members]  # noqa: E731 - a name only for its type
    return Enum(states, name=name, native_enum=False, create_constraint=True, length=32, values_callable=values)


Tenant = Annotated[str, mapped_column(Text)]
BigId = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]
BigRef = Annotated[int, mapped_column(BigInteger)]
Seqs = Annotated[list[int], mapped_column(WholeNumbers(Integer()))]
Ids = Annotated[list[int], mapped_column(ARRAY(BigInteger))]
Amounts = Annotated[list[int], mapped_column(WholeNumbers(Numeric(38, 0)))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.clock_timestamp())]


class Base(DeclarativeBase):
    """Rows of the Apportion schema."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        int: Integer,
        str: Text,
        datetime: DateTime(timezone=True),
    }


def core_table(row: type[Base]) -> Table:
    """The table of a row, for statements that run many times a second: the ORM takes six times as long over them."""
    table = row.__table__
    assert isinstance(table, Table)
    return table
