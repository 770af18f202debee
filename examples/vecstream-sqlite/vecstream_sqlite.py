"""A complete adapter: a SQLite file for each collection, searched by looking at every vector."""

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from vecstream_cli.adapters.base import Limits, refuse_to_write
from vecstream_cli.adapters.brute_force import BruteForce
from vecstream_cli.adapters.requests import checked
from vecstream_cli.adapters.schema import ROW_COLUMNS, row_schema
from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import CollectionNotFound, DatabaseError


class SqliteAdapter(BruteForce):
    """SQLite files in a folder: the example of an adapter."""

    name, limits = "sqlite", Limits(target_rows=2000)

    def __init__(self, folder, collection, read_only):
        self.file, self.read_only = folder / f"{collection}.sqlite3", read_only

    @classmethod
    def open(cls, database, collection, *, read_only):
        return cls(cls.local_folder(database.uri), collection, read_only)

    @classmethod
    def local_folder(cls, uri):
        return Path(uri or "vecstream.sqlite").expanduser().absolute()

    @contextmanager
    def database(self, file=None, *, write=False):
        if write and self.read_only:
            raise refuse_to_write(str(self.file))
        if file is None and not self.file.exists():
            raise CollectionNotFound(f"There is no collection {str(self.file)!r}.")
        try:
            with closing(sqlite3.connect(file or self.file, timeout=60)) as db, db:
                yield db  # then commits, or rolls back where an error comes
        except sqlite3.Error as error:
            raise DatabaseError(f"SQLite cannot use {str(self.file)!r}: {error}.") from error

    def change(self, sql, values):
        with self.database(write=True) as db:
            return max(0, db.executemany(sql, values).rowcount)

    def record(self):
        if not self.file.exists():
            return None
        with self.database() as db:
            return CollectionRecord.from_json(*db.execute("SELECT text FROM record").fetchone())

    def create(self, record):
        if self.file.exists():
            raise DatabaseError(f"The collection {str(self.file)!r} exists.")
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")  # takes its name when it is whole
        new.unlink(missing_ok=True)
        with self.database(new, write=True) as db:
            db.execute("PRAGMA journal_mode = WAL")  # readers and the writer let each other work
            db.execute(f"CREATE TABLE rows (id PRIMARY KEY, {', '.join(ROW_COLUMNS[1:])})")
            db.execute("CREATE INDEX by_document ON rows (document_id)")
            db.execute("CREATE TABLE record (text)")
            db.execute("INSERT INTO record VALUES (?)", [record.to_json()])
        new.replace(self.file)

    def update_record(self, *, last_run):
        self.change("UPDATE record SET text = json_set(text, '$.last_run', ?)", [(last_run,)])

    def merge(self, batch):
        with self.database():
            checked(batch, self.record().dimension)
        rows = (row | {"vector": np.float32(row["vector"]).tobytes()} for row in batch.to_pylist())
        names = ", ".join(f":{name}" for name in ROW_COLUMNS)
        self.change(f"INSERT OR REPLACE INTO rows VALUES ({names})", rows)

    append = merge  # a batch that is sent again changes nothing

    def delete_superseded(self, pairs):
        return self.change("DELETE FROM rows WHERE document_id = ? AND attempt <> ?", pairs)

    def delete_documents(self, document_ids):
        return self.change("DELETE FROM rows WHERE document_id = ?", ((d,) for d in document_ids))

    def keep_only(self, document_id, ids):
        with self.database() as db:
            known = db.execute("SELECT id FROM rows WHERE document_id = ?", [document_id])
            gone = {row_id for (row_id,) in known}.difference(ids)
        return self.change("DELETE FROM rows WHERE id = ?", ((row_id,) for row_id in gone))

    def scan(self, columns):
        with self.database() as db:
            found = db.execute(f"SELECT {', '.join(columns)} FROM rows")
            schema = row_schema(self.record().dimension)
            schema = pa.schema([schema.field(name) for name in columns])
            while page := found.fetchmany(1000):
                rows = [dict(zip(columns, row, strict=True)) for row in page]
                for row in rows if "vector" in columns else ():
                    row["vector"] = np.frombuffer(row["vector"], np.float32)
                yield pa.RecordBatch.from_pylist(rows, schema)

    def count(self):
        with self.database() as db:
            return db.execute("SELECT count(*) FROM rows").fetchone()[0]

    def maintain(self, *, final=False, spare_bytes=0):
        return False

    def replace_with(self, build):
        with self.database(build := self.file.with_name(f"{build}.sqlite3"), write=True):
            build.replace(self.file)

    def drop(self):
        with self.database(write=True):
            self.file.unlink()

    def close(self):
        pass
