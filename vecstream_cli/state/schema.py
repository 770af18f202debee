"""The manifest's tables; a new version is appended here and never edited afterwards."""

from vecstream_cli.state.database import Migration

_VERSION_1: Migration = (
    # One row each: the collection this manifest caches, and the next attempt to be drawn.
    # `whole`: every attempt ever made at the collection is recorded here. `writing`: the run that
    # may have written since `record` was read.
    """CREATE TABLE collection (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        uuid TEXT NOT NULL,
        record TEXT NOT NULL,
        whole INTEGER NOT NULL,
        writing TEXT
    )""",
    "CREATE TABLE attempts (only INTEGER PRIMARY KEY CHECK (only = 1), next INTEGER NOT NULL)",
    # Names are bytes: a folder's name need not be UTF-8.
    """CREATE TABLE sources (
        number INTEGER PRIMARY KEY,
        name BLOB NOT NULL UNIQUE,
        base BLOB,
        listed_at TEXT
    )""",
    # attempt … warnings: the last good version, NULL where there is none.
    # seen_ns: the start of the scan that took its stamp. pending: the attempt under way.
    """CREATE TABLE documents (
        number INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        source INTEGER NOT NULL REFERENCES sources,
        path BLOB NOT NULL,
        pending INTEGER,
        attempt INTEGER,
        size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER,
        seen_ns INTEGER,
        content_hash BLOB,
        reader TEXT,
        chunks INTEGER,
        tokens INTEGER,
        warnings TEXT
    )""",
    # The scan asks in the order of its listing, so its look-ups stay on the same few pages.
    "CREATE UNIQUE INDEX documents_by_path ON documents (source, path)",
    """CREATE TABLE failures (
        document INTEGER PRIMARY KEY REFERENCES documents,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL,
        reader TEXT,
        count INTEGER NOT NULL,
        failed_at TEXT NOT NULL
    )""",
    # The rows that the database has acknowledged, by the attempt that wrote them.
    """CREATE TABLE chunks (
        document INTEGER NOT NULL REFERENCES documents,
        attempt INTEGER NOT NULL,
        key BLOB NOT NULL,
        occurrence INTEGER NOT NULL,
        PRIMARY KEY (document, attempt, key, occurrence)
    ) WITHOUT ROWID""",
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        exit_code INTEGER,
        summary TEXT
    )""",
)

# The collection's state, in its database's own words, when a run had ended well.
_VERSION_2: Migration = ("ALTER TABLE collection ADD COLUMN state TEXT",)

# Made by the first run that looks a chunk up by its text. A first run does better without it: 4,096
# rows are acknowledged in 9 ms, with it in 70 to 230; to make it for 2 million rows takes 2 s.
KEY_INDEX = "chunks_by_key"
MAKE_KEY_INDEX = f"CREATE INDEX IF NOT EXISTS {KEY_INDEX} ON chunks (key)"

MIGRATIONS: tuple[Migration, ...] = (_VERSION_1, _VERSION_2)
