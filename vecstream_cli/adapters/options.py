"""Options that several databases have, and ways to read one."""

from collections.abc import Callable, Mapping

from vecstream_cli.adapters.base import Option
from vecstream_cli.keys import SECONDS, SWITCH

switch = SWITCH.read
"""``true`` or ``false``, in the words that any setting takes."""


def choice(*names: str) -> Callable[[str], str]:
    """Reads one of these names; ValueError for any other."""

    def read(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(text)
        return text.lower()

    return read


SERVER: Mapping[str, Option] = {
    "deadline": Option(
        help="for how long a server that is away or busy is called again, such as 90 or 5m",
        read=SECONDS.read, default="120",
    ),
    "timeout": Option(help="how long one request may take", read=SECONDS.read, default="60"),
    "ca_file": Option(help="a file of the certificates that the server's is checked against"),
}  # fmt: skip
VERIFY: Mapping[str, Option] = {
    "verify": Option(help="false: trust any certificate", read=switch, default="true")
}
CLIENT_CERTIFICATE: Mapping[str, Option] = {
    "cert_file": Option(help="a file of the client's certificate"),
    "key_file": Option(help="a file of the key of the client's certificate"),
}
