"""Rounds of: edit the tree, kill a run, look at what a reader would find, run again, compare."""

import contextlib
import fcntl
import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from conftest import Finished, Running, Vecstream, shared_memory, wait_until
from crash_tree import FACTS, SIZES, Expected, Row, Stock, Tree

from vecstream_cli.adapters.base import Adapter
from vecstream_cli.adapters.registry import adapter_class
from vecstream_cli.api.check import check
from vecstream_cli.core.ids import ChunkKey, DocumentId, row_id

PACKAGE = Path(__file__).parents[2] / "vecstream_cli"
ROLES = ("supervisor", "parser", "inference", "writer", "all")


def points_of(adapter: str) -> tuple[str, ...]:
    """Every named kill point of the product that a run with this adapter has."""
    kind = adapter_class(adapter)
    own = kind.__module__.split(".")[2]
    found = []
    for file in PACKAGE.rglob("*.py"):
        if file.parent.parent.name == "adapters" and file.parent.name != own:
            continue
        if file.stem == "lease" and not kind.keeps_locks:
            continue
        found += re.findall(r'kill_point\("([^"]+)"\)', file.read_text())
    swaps = kind.replace_with is not Adapter.replace_with
    return tuple(sorted(name for name in found if swaps or not name.startswith("rebuild")))


# What is reached only where a collection is made, by a rebuild, or where the manifest is lost,
# and what at a document that fails after a kill.
_KINDS = {"collection.created": "first", "rebuild": "rebuild", "manifest.restor": "lost"}
_NO_ENVIRONMENT: Mapping[str, str] = {}
_AFTER_A_KILL = {"rows.discarded", "failure.recorded"}


@dataclass(frozen=True, slots=True)
class Kill:
    """Whom to end and when: at the nth time a point is reached, or a role after some time."""

    point: str | None = None
    nth: int = 1
    role: str = ""
    after: float = 0.0
    kind: str = "index"  # or "first", "lost" (the manifest), "rebuild"

    def __str__(self) -> str:
        what = f"{self.point}:{self.nth}" if self.point else f"{self.role} after {self.after:.2f} s"
        return f"{what} ({self.kind})"


class World:
    """A tree, a collection of it, and what the collection must hold."""

    def __init__(self, vecstream: Vecstream, stock: Stock, seed: int) -> None:
        self.vecstream = vecstream
        self.seed = seed
        self.points = points_of(vecstream.settings().db)
        self._swaps = any(name.startswith("rebuild") for name in self.points)
        self.kills = 0
        self.reached: Counter[str] = Counter()
        self.by_kind: Counter[str] = Counter()
        self._usual: Counter[tuple[str, str | None]] = Counter()
        self._dice = random.Random(seed)
        self.tree = Tree(vecstream.folder / "tree", stock, self._dice)
        self._size = SIZES[0]
        self._before: Expected | None = None
        self._seconds = 4.0  # how long a run takes here
        self._shared = shared_memory()
        self._log = vecstream.folder / "points"

    def kills_for_ever(self) -> Iterator[Kill]:
        """All named points and all roles in random order, again and again."""
        while True:
            kills: list[Kill] = []
            for point in self.points:
                kills.append(Kill(point, kind=kind_of(point)))
            for role in ROLES:
                third = "rebuild" if self._swaps else "index"
                kills += [Kill(role=role, kind=kind) for kind in ("index", "index", third)]
            kills += [Kill(role=self._dice.choice(ROLES), kind=kind) for kind in ("first", "lost")]
            self._dice.shuffle(kills)
            yield from map(self._aimed, kills)

    def round(self, kill: Kill) -> bool:
        """One kill and all that must hold after it; False where the run was over before it."""
        if kill.kind == "first":
            self.vecstream.forget()
            self._before = None
        if kill.kind == "lost":
            for file in self.vecstream.manifests.glob(f"{self.vecstream.collection}.sqlite3*"):
                file.unlink()
        self.tree.edit()
        if kill.point in _AFTER_A_KILL:
            self.tree.spoil()
        edited = time.monotonic()
        size = self._size
        if kill.kind == "rebuild":
            size = SIZES[1 - SIZES.index(size)]
        kept = None if kill.kind == "rebuild" else self._before
        after = self.tree.expected(kept, size)
        try:
            if kill.point in _AFTER_A_KILL or self._dice.random() < 0.1:
                self._killed(Kill("attempts.reserved", kind=kill.kind), after)
            done = self._killed(kill, after)
            # A file changed less than two seconds before a scan is read once more by the next.
            time.sleep(max(0.0, edited + 2.1 - time.monotonic()))
            self._run_again(kill.kind, after)
        except AssertionError as error:
            error.add_note(f"seed {self.seed}, kill {self.kills + 1}: {kill}")
            raise
        self._before, self._size = after, size
        if done is None:
            return False
        self.kills += 1
        self.by_kind[kill.point or f"any time: {kill.role}"] += 1
        return True

    def run(self, **environment: str) -> None:
        """A run over the tree as it is now, and all that must hold after it."""
        after = self.tree.expected(self._before, self._size)
        self._run_again("index", after, environment)
        self._before = after

    def start(self, *options: str, **environment: str) -> Running:
        """The same run, only begun."""
        return self.vecstream.start(*self._arguments("index", self._size), *options, **environment)

    def equals_a_run_from_scratch(self) -> None:
        """The table is that of a run over the same tree into a database of its own."""
        self.tree.mend()
        self.run()
        mine = self.table()
        with self.vecstream.elsewhere():
            done = self.vecstream.index(*self._arguments("index", self._size))
            assert done.code == 0, done.err
            _assert_equal(mine, self.table())

    def table(self) -> list[Row]:
        """The rows as they are; none where there is no table."""
        if not self.vecstream.exists():
            return []
        return self.vecstream.rows(*FACTS, "vector", "attempt")

    def _aimed(self, kill: Kill) -> Kill:
        """The same at a moment that is likely to come."""
        usual = self._usual[kill.kind, kill.point]
        nth = self._dice.randint(1, max(1, usual)) if self._dice.random() < 0.7 else 1
        return replace(kill, nth=nth, after=self._dice.uniform(0.05, 1.05) * self._seconds)

    def _arguments(self, kind: str, size: int) -> list[str | Path]:
        rebuild = ["--rebuild"] if kind == "rebuild" else []
        parsers = self._dice.choice(["1", "1", "2"])
        few = ["--buffer", "6", "--parsers", parsers]
        return [self.tree.folder, "--chunk-size", str(size), *few, *rebuild]

    def _killed(self, kill: Kill, after: Expected) -> Finished | None:
        """A run that is killed, and what holds at once; None where it was over before."""
        self._log.unlink(missing_ok=True)
        environment = {"_VECSTREAM_KILL_LOG": str(self._log)}
        if kill.point:
            environment["_VECSTREAM_KILL_AT"] = f"{kill.point}:{kill.nth}"
        run = self.vecstream.start(*self._arguments(kill.kind, after.size), **environment)
        hit = None if kill.point else _shoot(run, kill)
        done = run.finish()
        wait_until(lambda: not processes_of(run.pid))
        reached = Counter(self._log.read_text().split()) if self._log.exists() else Counter()
        if kill.point:
            hit = reached[kill.point] >= kill.nth
        self.reached |= reached
        for point, times in reached.items():  # of a run that was killed early it is less
            self._usual[kill.kind, point] = min(times, self._usual[kill.kind, point] or times)
        assert "Traceback" not in done.err, done.err
        if done.code in (0, 3):  # it says that it is done
            _assert_equal(self.table(), _flat(after))
        else:
            assert hit, f"it ended with {done.code} unharmed: {done.err}"
            assert done.code in (1, -signal.SIGKILL), f"{done.code}: {done.err}"
            self._reader_misses_nothing(kill.kind, after)
        return done if hit else None

    def _reader_misses_nothing(self, kind: str, after: Expected) -> None:
        """Of every document that stays there are all old rows or all new ones, and no others."""
        ids = [str(row["id"]) for row in self.table()]
        assert len(ids) == len(set(ids)), "a row stands twice"
        found = set(ids)
        old = {} if self._before is None else ids_of(self._before)
        new = ids_of(after)
        if kind == "rebuild":
            assert found in (set().union(*old.values()), set().union(*new.values())), "a mixture"
            return
        for path in old.keys() & new.keys():
            assert old[path] <= found or new[path] <= found, f"{path} is not whole"
        strange = found.difference(*old.values(), *new.values())
        assert not strange, f"nobody knows the rows {strange}"

    def _run_again(
        self, kind: str, after: Expected, environment: Mapping[str, str] = _NO_ENVIRONMENT
    ) -> None:
        began = time.monotonic()
        traced = {"_VECSTREAM_KILL_LOG": str(self._log), **environment}
        done = self.vecstream.index(*self._arguments(kind, after.size), **traced)
        self._seconds = time.monotonic() - began
        self.reached |= Counter(self._log.read_text().split())
        assert done.code == 0 or (done.code == 3 and self.tree.any_bad), f"{done.code} {done.err}"
        rows = self.table()
        _assert_equal(rows, _flat(after))
        self._manifest_agrees(rows)
        once_more = self.vecstream.index(*self._arguments("index", after.size), **environment)
        assert once_more.code == 0, once_more.err
        done_to = ("documents_new", "documents_changed", "documents_removed", "documents_failed",
                   "chunks_written", "chunks_deleted", "chunks_embedded")  # fmt: skip
        assert not any(once_more.summary[name] for name in done_to), once_more.summary
        _assert_equal(self.table(), _flat(after))
        self._nothing_is_left()

    def _manifest_agrees(self, rows: list[Row]) -> None:
        """Every committed document, attempt and chunk is a row's, and the other way round."""
        file = self.vecstream.manifests / f"{self.vecstream.collection}.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
            pending = db.execute("SELECT path FROM documents WHERE pending IS NOT NULL").fetchall()
            assert not pending, f"still open: {pending}"
            counted = db.execute(
                "SELECT id, attempt, chunks FROM documents WHERE chunks > 0"
            ).fetchall()
            chunks = db.execute(
                "SELECT id, chunks.attempt, key, occurrence"
                " FROM chunks JOIN documents ON number = document"
            ).fetchall()
        per_document = Counter((row["document_id"], row["attempt"]) for row in rows)
        assert {(each.hex(), attempt): n for each, attempt, n in counted} == dict(per_document)
        known = {
            (row_id(DocumentId(document), ChunkKey(key), occurrence).hex(), attempt)
            for document, attempt, key, occurrence in chunks
        }
        assert known == {(row["id"], row["attempt"]) for row in rows}
        report = check(self.vecstream.settings())
        assert report.differences == []

    def _nothing_is_left(self) -> None:
        ours, name = self.vecstream.manifests, self.vecstream.collection
        assert {path.name for path in ours.iterdir()} == {f"{name}.lock", f"{name}.sqlite3"}
        assert self.vecstream.is_tidy()
        # Other programs on the machine put names there too, and take them away again.
        wait_until(lambda: shared_memory() <= self._shared)
        with (ours / f"{name}.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def kind_of(point: str) -> str:
    """The kind of run that reaches a point."""
    return next((kind for start, kind in _KINDS.items() if point.startswith(start)), "index")


def processes_of(session: int) -> list[psutil.Process]:
    """Every process of a run that still lives; orphans stay in its session."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _shoot(run: Running, kill: Kill) -> bool:
    """SIGKILL one of the role at its time, or whoever is there; False where nobody is."""
    time.sleep(kill.after)
    there = processes_of(run.pid)
    role = [process for process in there if process.name() == f"vs-{kill.role}"]
    chosen = there if kill.role == "all" else role[:1]
    if not chosen:  # the supervisor, too, has none of these names
        chosen = [process for process in there if process.pid == run.pid]
    for process in chosen:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(chosen)


def ids_of(expected: Expected) -> dict[str, set[str]]:
    return {path: {row["id"] for row in rows} for path, rows in expected.rows().items()}


def _flat(expected: Expected) -> list[Row]:
    return [row for rows in expected.rows().values() for row in rows]


def _assert_equal(found: list[Row], wanted: list[Row]) -> None:
    """Ids, texts and places exactly, and vectors as near as two runs compute them."""
    assert len(found) == len({row["id"] for row in found}), "a row stands twice"
    mine = {row["id"]: row for row in found}
    theirs = {row["id"]: row for row in wanted}
    missing = {row["path"] for key, row in theirs.items() if key not in mine}
    extra = {row["path"] for key, row in mine.items() if key not in theirs}
    assert (missing, extra) == (set(), set()), f"rows are missing of {missing}, too many {extra}"
    for key, row in theirs.items():
        other = [name for name in FACTS if mine[key][name] != row[name]]
        assert not other, f"{row['path']} #{row['ordinal']}: {other} differ"
    a = np.array([mine[key]["vector"] for key in theirs])
    b = np.array([row["vector"] for row in theirs.values()])
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosine = (a * b).sum(axis=-1) / lengths if len(a) else np.ones(1)
    assert cosine.min() >= 0.99999, f"a vector is {cosine.min()} from what it should be"
