"""How Chroma is reached: a server by its URI, or a folder that this process has open itself."""

import ssl
import threading
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

from vecstream_cli.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from vecstream_cli.endpoint import Endpoint

CLOUD = "api.trychroma.com"
TOKEN_HEADERS = {"authorization": "Authorization", "x-chroma-token": "X-Chroma-Token"}
# Those who have one folder open in a process share it, and count themselves without a lock.
_ONE_AT_A_TIME = threading.Lock()


def token_header(text: str) -> str:
    """The header that carries a token; ValueError for any other."""
    try:
        return TOKEN_HEADERS[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


def embedded(folder: Path) -> Any:
    """A client that has the database in this folder open; makes it where it is not there."""
    import chromadb
    from chromadb.config import Settings

    # Only this call's settings count, not those of a .env file that lies in the way.
    settings = Settings(_env_file=None, anonymized_telemetry=False)  # type: ignore[call-arg]
    with _ONE_AT_A_TIME:
        return chromadb.PersistentClient(str(folder), settings=settings)


def newest_entry(folder: Path) -> int | None:
    """The number of the newest entry in the log of the database in this folder, if it tells."""
    import sqlite3

    file = quote(str(folder / "chroma.sqlite3"))
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            (number,) = database.execute("SELECT max(seq_id) FROM embeddings_queue").fetchone()
    except sqlite3.Error:
        return None
    return int(number) if number is not None else None


def remote(
    database: "Endpoint",
    *,
    timeout: float,
    header: str,
    ca_file: str | None,
    verify: bool,
) -> Any:
    """A client of the server at an ``http`` or ``https`` URI, which is asked who we are."""
    import warnings

    import chromadb
    import httpx
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings

    uri = urlsplit(database.uri or "")
    base = f"{uri.scheme}://{_address(uri)}{uri.path.rstrip('/')}"
    query = dict(parse_qsl(uri.query))
    tenant, name = query.get("tenant", DEFAULT_TENANT), query.get("database", DEFAULT_DATABASE)
    headers = _login(database, uri, header)
    context = ssl.create_default_context(cafile=ca_file)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # The client's own first requests would wait for ever, and hide why they failed.
    with httpx.Client(timeout=timeout, verify=context, headers=headers) as first:
        first.get(f"{base}/api/v2/auth/identity").raise_for_status()
        answer = first.get(
            f"{base}/api/v2/tenants/{quote(tenant, safe='')}/databases/{quote(name, safe='')}"
        )
        if answer.status_code == 404:
            raise DatabaseError(
                f"There is no database {name!r} of the tenant {tenant!r} at {base}.",
                hint="Name another in the URI, or make it with chromadb.AdminClient.",
            )
        answer.raise_for_status()
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        anonymized_telemetry=False,
        chroma_server_host=base,
        chroma_server_http_port=uri.port or 8000,
        chroma_server_ssl_verify=None if uri.scheme == "http" else (ca_file or verify),
        chroma_client_auth_provider=None,
        chroma_client_auth_credentials=None,
    )
    with warnings.catch_warnings():
        # httpx would rather have a context than a file; the client's settings take no context.
        warnings.simplefilter("ignore", DeprecationWarning)
        client: Any = chromadb.HttpClient(
            host=base,
            port=uri.port or 8000,
            ssl=uri.scheme == "https",
            headers=headers,
            settings=settings,
            tenant=tenant,
            database=name,
        )
    # There is no setting for it: without this a request may take for ever.
    client._server._session.timeout = httpx.Timeout(timeout)
    return client


def let_go(client: Any) -> None:
    """Close a client of either kind, and its connections, which it leaves open itself."""
    # The client asks for its database by way of a second one.
    servers = [client._server, client._admin_client._server]
    with _ONE_AT_A_TIME:
        client.close()
    for server in servers:
        session = getattr(server, "_session", None)
        if session is not None:
            session.close()


def _address(uri: SplitResult) -> str:
    """Host and port as they stand in the URI, without who asks."""
    return uri.netloc.rpartition("@")[2]


def _login(database: "Endpoint", uri: SplitResult, header: str) -> dict[str, str]:
    """The headers that let us in: a user's password, else a token."""
    cloud = uri.hostname == CLOUD
    # The variable holds a key for Chroma Cloud, so no other host gets to see it.
    key = database.key("CHROMA_API_KEY") if cloud else database.key()
    if uri.username is not None:
        both = f"{uri.username}:{key or ''}".encode()
        return {"Authorization": f"Basic {b64encode(both).decode()}"}
    if key is None:
        return {}
    if header == "Authorization" and not cloud:
        return {"Authorization": f"Bearer {key}"}
    return {"X-Chroma-Token": key}


def checked_uri(uri: str) -> None:
    """Raises UsageError for what is neither a folder nor an address of a server."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{uri!r} is not where a Chroma server can be.",
            hint="Give http://HOST:8000, https://HOST, or a folder.",
        )
