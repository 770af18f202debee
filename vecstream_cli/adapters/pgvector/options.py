"""The options of the adapter for PostgreSQL, and what libpq is told of them."""

from collections.abc import Callable, Mapping
from typing import Any

from vecstream_cli.adapters.base import Option
from vecstream_cli.adapters.options import CLIENT_CERTIFICATE, SERVER, switch


def _words(text: str) -> str | None:
    """The configuration, None for no words."""
    return {"false": None, "true": "simple"}.get(text.lower(), text)


OPTIONS: Mapping[str, Option] = {
    **SERVER, **CLIENT_CERTIFICATE,
    "verify": Option(
        help="true: check the server's certificate and its name; false: encrypt alone", read=switch
    ),
    "halfvec": Option(
        help="true or false: new collections store vectors in half precision", read=switch,
        default="false",
    ),
    "full_text": Option(
        help="false, true or a text search configuration such as english: new collections keep "
        "the words of their texts for search --hybrid", read=_words, default="true",
    ),
    "index_rows": Option(
        help="rows from which vectors are indexed (HNSW); 0: never", read=int, default="50000"
    ),
    "index_memory": Option(
        help="megabytes that the server may take to make an index", read=int, default="512"
    ),
    "ef_search": Option(
        help="how many candidates a search of the index keeps, 1 to 1000", read=int,
        default="100",
    ),
}  # fmt: skip


def tls(option: Callable[[str], Any]) -> dict[str, str]:
    """What libpq is given besides the URI; without any, it is as libpq would have it."""
    given = {
        "sslrootcert": option("ca_file"),
        "sslcert": option("cert_file"),
        "sslkey": option("key_file"),
    }
    verify = option("verify")
    if verify or (verify is None and given["sslrootcert"] is not None):
        given["sslmode"] = "verify-full"
        given["sslrootcert"] = given["sslrootcert"] or "system"
    elif verify is False:
        given["sslmode"] = "require"
    return {name: value for name, value in given.items() if value is not None}
