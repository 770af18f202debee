"""Lock records beside the collections of a schema: a table of one row for each that is locked."""

from typing import TYPE_CHECKING

from vecstream_cli.adapters.pgvector.server import Session
from vecstream_cli.adapters.pgvector.table import Place, make_schema

if TYPE_CHECKING:
    from psycopg.sql import Composed

LOCKS = "vecstream_locks"


def read_lock(session: Session, collection: Place) -> str | None:
    """The record of a collection, which need not exist."""
    from psycopg import sql

    locks = Place(collection.schema, LOCKS)
    if locks.facts(session) is None:
        return None
    query = sql.SQL("SELECT content FROM {} WHERE collection = %s").format(locks.quoted)
    found = session.one(query, collection.name)
    return None if found is None else str(found[0])


def swap_lock(session: Session, collection: Place, old: str | None, new: str | None) -> bool:
    """Put `new` in the place of `old`, if that is what stands there; whether.

    One statement changes the row only where `old` stands in it, or makes it where there is none:
    of several at once PostgreSQL lets one through, and the others see what it wrote.
    """
    from psycopg import sql

    locks, name = _made(session, collection.schema), collection.name
    match old, new:
        case None, None:
            return read_lock(session, collection) is None
        case None, str():
            change = sql.SQL("INSERT INTO {} VALUES (%s, %s) ON CONFLICT DO NOTHING")
            done = session.run(change.format(locks), name, new)
        case str(), None:
            change = sql.SQL("DELETE FROM {} WHERE collection = %s AND content = %s")
            done = session.run(change.format(locks), name, old)
        case _:
            change = sql.SQL("UPDATE {} SET content = %s WHERE collection = %s AND content = %s")
            done = session.run(change.format(locks), new, name, old)
    if done or not session.again:
        return done == 1
    # The swap that went before may have been ours, and its acknowledgement lost.
    return read_lock(session, collection) == new


def _made(session: Session, schema: str) -> "Composed":
    """The table of lock records, where it is not there yet; what SQL calls it."""
    from psycopg import sql

    locks = Place(schema, LOCKS)
    if locks.facts(session) is None:
        # Of several who make it at once, all but one would fail.
        session.run("SELECT pg_advisory_xact_lock(hashtext(%s))", f"{LOCKS} {schema}")
        make_schema(session, schema)
        session.run(
            sql.SQL(
                'CREATE TABLE IF NOT EXISTS {} (collection text COLLATE "C" PRIMARY KEY,'
                " content text NOT NULL)"
            ).format(locks.quoted)
        )
    return locks.quoted
