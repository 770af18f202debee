"""Where a Weaviate is: one server, two ports."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from vecstream_cli.errors import UsageError

DEFAULT = "http://localhost:8080"
_HINT = (
    "Give http://HOST:8080?grpc_port=50051, or https://CLUSTER.weaviate.cloud with the API key in"
    " WEAVIATE_API_KEY."
)
_CLOUD = (".weaviate.cloud", ".weaviate.network", ".semi.technology")


@dataclass(frozen=True, slots=True)
class Place:
    """The addresses of the two."""

    url: str
    grpc: str
    secure: bool


def place_of(uri: str | None) -> Place:
    """From ``http[s]://HOST[:PORT][?grpc_port=PORT][&grpc_host=HOST]``.

    Weaviate Cloud answers gRPC on another host, ``grpc-HOST:443``; any other server on the same,
    at 50051. Raises UsageError.
    """
    parts = urlsplit(uri or DEFAULT)
    try:
        port = parts.port
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        cloud = (parts.hostname or "").endswith(_CLOUD)
        grpc_port = int(query.pop("grpc_port", 443 if cloud else 50051))
    except ValueError as error:
        raise UsageError(f"{uri!r} cannot be read as a URI of Weaviate.", hint=_HINT) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise UsageError(f"{uri!r} is not the URI of a Weaviate.", hint=_HINT)
    if parts.username:
        raise UsageError("Weaviate is let in by an API key, not by a user's name.", hint=_HINT)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    grpc_host = query.pop("grpc_host", f"grpc-{host}" if cloud else host)
    for name in query:
        raise UsageError(f"The URI of a Weaviate has no parameter {name!r}.", hint=_HINT)
    secure = parts.scheme == "https"
    url = f"{parts.scheme}://{host}:{port or (443 if secure else 80)}"
    return Place(url, f"{grpc_host}:{grpc_port}", secure)
