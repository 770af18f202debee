"""Where a Lance table says what it is.

The record is the schema's metadata, so it lives and dies with the table; `last_run` is a column's,
since that is the metadata LanceDB can change.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import ForeignCollection

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_RECORD = b"vecstream"
_LAST_RUN_COLUMN = "attempt"
_LAST_RUN = "vecstream.last_run"


def described(record: CollectionRecord) -> dict[bytes, bytes]:
    """The metadata of a new table's schema."""
    return {_RECORD: replace(record, last_run=None).to_json().encode()}


def last_written(last_run: str) -> dict[str, Any]:
    """The change of a column's metadata that notes it."""
    return {"path": _LAST_RUN_COLUMN, "metadata": {_LAST_RUN: last_run}}


def record_of(schema: "pa.Schema", collection: str, place: str) -> CollectionRecord:
    """The record in a table's schema. Raises ForeignCollection."""
    written = (schema.metadata or {}).get(_RECORD)
    if written is None:
        raise ForeignCollection(f"The table {collection!r} in {place} was not made by vecstream.")
    try:
        found = CollectionRecord.from_json(written.decode())
    except ValueError as error:
        raise ForeignCollection(
            f"The table {collection!r} in {place} has a record that this version of vecstream"
            " cannot read."
        ) from error
    value = (schema.field(_LAST_RUN_COLUMN).metadata or {}).get(_LAST_RUN.encode())
    return replace(found, last_run=value.decode() if value else None)
