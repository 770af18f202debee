"""Who asks a search engine, and what certificate it is known by."""

import logging
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from vecstream_cli.endpoint import Endpoint
from vecstream_cli.errors import UsageError


def login(
    database: Endpoint, password: str, token: str | None = None
) -> tuple[str | None, str | None]:
    """The user and the password; with no user in the URI None and an API key, or a bearer's token.

    `password` and `token` are the environment variables that have them where none is given.
    """
    user = urlsplit(database.uri or "").username
    if user is not None:
        return unquote(user), database.key(password)
    return None, database.key(*([token] if token else []))


def tls(
    database: Endpoint, default: str, option: Callable[[str], Any]
) -> tuple[str, dict[str, Any]]:
    """The URL without its user, and the options that both clients have for TLS."""
    parts = urlsplit(database.uri or default)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{database.uri!r} is not the address of a server.",
            hint="Give it as --db-uri https://user@host:9200.",
        )
    port = parts.port or 9200
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    place = urlunsplit((parts.scheme, f"{host}:{port}", parts.path.rstrip("/"), "", ""))
    if parts.scheme == "http":
        return place, {}
    given = {
        "ca_certs": option("ca_file"),
        "client_cert": option("cert_file"),
        "client_key": option("key_file"),
        "ssl_assert_fingerprint": option("fingerprint"),
    }
    told = {name: value for name, value in given.items() if value is not None}
    if not option("verify"):
        told |= {"verify_certs": False, "ssl_show_warn": False}
    return place, told


def silence(logger: str, warning: type[Warning]) -> None:
    """Keep a client from telling stderr of each answer that refuses, and what a server says of
    deprecations; not where somebody has said what it may log."""
    client = logging.getLogger(logger)
    if client.level == logging.NOTSET:
        client.setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=warning)
