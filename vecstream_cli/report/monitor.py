"""``--ping-url``: tells a cron monitor that a job started and how it ended.

As healthchecks.io has it: GET URL/start, then URL after success and URL/fail after anything else.
The URL is a secret: who has it can speak for the job. So no message holds it, nor a part of it.
"""

import re
from urllib.parse import urlsplit, urlunsplit

from vecstream_cli.errors import AuthenticationFailed, ExitCode, UsageError
from vecstream_cli.secret import Secret

SECONDS = 5.0  # that a ping may take
_HTTP = re.compile(r"(?i)https?://[^\s/?#]+[!-~]*")


class Monitor:
    """Each method says why its ping failed, or None. Raises UsageError for what is no such URL."""

    def __init__(self, url: Secret) -> None:
        self._url = self._unknown = ""
        try:
            self._url = url.reveal()
        except AuthenticationFailed as error:  # no reason not to do the job
            self._unknown = error.message.rstrip(".")
            return
        if not _HTTP.fullmatch(self._url):
            raise UsageError(
                "--ping-url must begin with http:// or https:// and name a host.",
                hint="Copy the ping URL of the check from your monitor.",
            )

    def start(self) -> str | None:
        """The job starts."""
        return self._get("/start")

    def end(self, code: ExitCode) -> str | None:
        """The job has ended."""
        return self._get("" if code.succeeded else "/fail")

    def _get(self, suffix: str) -> str | None:
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        if self._unknown:
            return self._unknown
        parts = urlsplit(self._url)
        path = parts.path.rstrip("/") + suffix if suffix else parts.path
        url = urlunsplit(parts._replace(path=path, fragment=""))
        try:
            with urlopen(Request(url, headers={"User-Agent": "vecstream"}), timeout=SECONDS):
                return None
        except HTTPError as error:
            error.close()
            return f"it answered {error.code}"
        except URLError as error:
            return _why(error.reason)
        except (OSError, HTTPException, ValueError) as error:
            return _why(error)


def _why(error: object) -> str:
    """The reason without the URL, which the texts of some errors quote."""
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
