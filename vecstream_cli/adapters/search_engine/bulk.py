"""Rows put into an index, and deleted from it: what of a request failed, and what is sent again."""

from collections.abc import Mapping, Sequence
from typing import Any

from vecstream_cli.adapters.retrying import Again
from vecstream_cli.adapters.search_engine.errors import PASSING, Fault
from vecstream_cli.adapters.search_engine.server import Answer, Query, Server
from vecstream_cli.errors import DatabaseError

# What of the answer is asked for, be it a refusal; the rest would be 200 bytes a row.
_ANSWER = "error,status,errors,items.*._id,items.*.status,items.*.error.type,items.*.error.reason"
# An alias that is gone is an error: not a new index of that name, with mappings by guess.
_PARAMS = {"require_alias": "true", "filter_path": _ANSWER}
_TOO_LARGE = 413

Failed = list[tuple[bytes, Mapping[str, Any]]]


def send(server: Server, action: str, rows: Sequence[bytes]) -> None:
    """Put rows, as `search_engine_rows.encoded` makes them, in the places of any others.

    Those that the server is too busy for are sent again alone, for as long as the deadline says.
    """
    left = list(rows)

    def look(answer: Answer) -> None:
        nonlocal left
        busy, refused = _failed(left, answer[1])
        if refused:
            raise _error(server, action, refused, len(rows))
        left = [line for line, _ in busy]
        if busy:
            raise _error(server, action, busy, len(rows))

    status, _ = server.call(
        action,
        "POST",
        f"{server.path}/_bulk",
        _PARAMS,
        body=lambda: b"".join(left),
        refusals=(_TOO_LARGE,) if len(rows) > 1 else (),
        then=look,
    )
    if status == _TOO_LARGE:  # a small server, or a proxy before it, takes less at once
        half = len(rows) // 2
        send(server, action, rows[:half])
        send(server, action, rows[half:])


def delete(server: Server, query: Query) -> int | None:
    """Delete what matches. Returns how many rows went, None where some went unanswered."""
    action = "delete from"
    deleted, requests = 0, 0

    def body() -> Query:
        nonlocal requests
        requests += 1
        return {"query": query}

    def look(answer: Answer) -> None:
        nonlocal deleted
        told = answer[1]
        deleted += told["deleted"]
        if told["failures"]:
            first = told["failures"][0]
            fault = Fault.answered(first.get("status", 500), {"error": first.get("cause")})
            raise server.verdict(fault, action)
        if told["version_conflicts"]:
            # An earlier request, whose answer was lost, is deleting the same rows.
            raise Again(DatabaseError(f"{server.sentence(action)}: its rows change meanwhile."))

    params = {"conflicts": "proceed", "refresh": "true"}
    path = f"{server.path}/_delete_by_query"
    server.call(action, "POST", path, params, body=body, then=look)
    return deleted if requests == 1 else None


def _failed(lines: Sequence[bytes], answer: Mapping[str, Any]) -> tuple[Failed, Failed]:
    busy: Failed = []
    refused: Failed = []
    if answer["errors"]:
        for line, item in zip(lines, answer["items"], strict=True):
            (result,) = item.values()
            if "error" in result:
                (busy if result["status"] in PASSING else refused).append((line, result))
    return busy, refused


def _error(server: Server, action: str, failed: Failed, rows: int) -> Exception:
    first = failed[0][1]
    fault = Fault.answered(first["status"], first)
    told = f"{len(failed)} of {rows} rows failed, the first with the id {first['_id']!r}"
    error: Exception = server.verdict(fault, action, told)
    return error
