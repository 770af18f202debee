"""Floor 0: which database, where it is, and how to be let in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from vecstream_cli.secret import Secret, joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """All that an adapter is opened with, but for the collection.

    `name` is the adapter's, as after --db. `uri` carries no password and says which database is
    meant; `options` only say how to talk to it, so they never decide where a manifest lies.
    `password` is the user's, or an API key.
    """

    name: str
    uri: str | None = None
    password: Secret | None = None
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def connection(self) -> str | None:
        """The URI with its password, for a client that wants it so; never to be kept.

        Raises UsageError or AuthenticationFailed where the password is not to be had.
        """
        return joined(self.uri, self.password)

    def key(self, *variables: str) -> str | None:
        """The password, or else what the first of these environment variables holds."""
        if self.password is not None:
            return self.password.reveal()
        for name in variables:
            if value := os.environ.get(name):
                return Secret(value).reveal()
        return None

    def reveal(self) -> None:
        """Read the password now, where a failure is an error like any other."""
        if self.password is not None:
            self.password.reveal()
