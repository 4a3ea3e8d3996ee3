"""Many rows in one round trip: given to a statement as a table that it reads, or appended to a table.

A statement with a parameter for each value of 500 rows takes longer to write and to read than to run, so rows go as
one parameter of JSON, the same on both databases, or as each driver takes them fastest.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import Join
from sqlalchemy.types import TypeEngine

from nlp_service.store.schema import Moment

# Names of types by which PostgreSQL's driver writes values in binary; all else is text there, JSON too.
_BINARY: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Moment, "timestamptz"),
    (sa.LargeBinary, "bytea"),
    (sa.SmallInteger, "int2"),
    (sa.BigInteger, "int8"),
    (sa.Integer, "int4"),
    (sa.Float, "float8"),
)


def given(dialect: str, columns: Mapping[str, TypeEngine[Any]], name: str = "given") -> sa.FromClause:
    """A table whose rows are the parameter `name`, as `as_parameter` writes them.

    Args:
        dialect: Of the database that reads it.
        columns: Types by name. Times must be text (`as_text`).
        name: Of the parameter, and of the table.
    """
    rows = sa.bindparam(name, type_=sa.Text())
    if dialect == "postgresql":
        table = sa.func.json_to_recordset(sa.cast(rows, postgresql.JSON))
        described = [sa.column(column, kind) for column, kind in columns.items()]
        return table.table_valued(*described).render_derived(name=name, with_types=True)
    each = sa.func.json_each(rows).table_valued("value")
    values = [
        sa.type_coerce(sa.func.json_extract(each.c.value, f"$.{column}"), kind).label(column)
        for column, kind in columns.items()
    ]
    return sa.select(*values).subquery(name)


class Lookup(Join):
    """A join that goes from each given row to those of a table: ``Lookup(rows, table, condition)``.

    SQLite thinks that rows out of JSON are many, and would rather begin with all rows of a tenant. CROSS JOIN is how
    it is told the order (https://sqlite.org/optoverview.html#manual_control_of_query_plans_using_cross_join).
    """

    inherit_cache = True


@compiles(Lookup, "sqlite")
def _compile_lookup(lookup: Lookup, compiler: SQLCompiler, **options: Any) -> str:
    inside: dict[str, Any] = options | {"asfrom": True}
    left, right = compiler.process(lookup.left, **inside), compiler.process(lookup.right, **inside)
    condition = sa.true() if lookup.onclause is None else lookup.onclause
    return f"{left} CROSS JOIN {right} ON {compiler.process(condition, **options | {'asfrom': False})}"


def as_parameter(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows for a table that is `given`."""
    return msgspec.json.encode(rows).decode()


@functools.lru_cache(maxsize=1_024)
def as_text(dialect: str, moment: datetime) -> str:
    """A time as the database compares it."""
    if dialect == "sqlite":
        return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return moment.isoformat()


def append(connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of our own making, in their order.

    Args:
        connection: An open transaction.
        table: Where to.
        columns: Names of the columns, in the order of the values.
        rows: The values; times are aware, and JSON is text already.
    """
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, columns, rows)
        return
    # Where a time stands, it is written as the database keeps it; other values go as they are.
    times = [place for place, name in enumerate(columns) if isinstance(table.c[name].type, Moment)]
    written = [list(row) for row in rows]
    for values in written:
        for place in times:
            if values[place] is not None:
                values[place] = as_text("sqlite", values[place])
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
    connection.exec_driver_sql(statement, [tuple(values) for values in written])


def _copy(connection: Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """COPY takes a tenth of the time that INSERT does in this process; SQLAlchemy knows no word for it."""
    driver: Any = connection.dialect.loaded_dbapi
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    try:
        with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
            copy.set_types([_binary_type(table.c[name]) for name in columns])
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance(
            statement, None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from error


def _binary_type(column: sa.Column[Any]) -> str:
    return next((name for kind, name in _BINARY if isinstance(column.type, kind)), "text")
