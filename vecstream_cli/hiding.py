"""Floor 0: how text is kept free of secrets."""

import re

HIDDEN = "***"


def hidden(text: str) -> str:
    """`text` without secrets: those this process has seen, and whatever looks like a password.

    The one function that every URI goes through before it is shown, logged or stored.
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _USERINFO.sub(rf"\g<1>:{HIDDEN}@", text)
    return _NAMED.sub(rf"\g<1>{HIDDEN}", text)


def remember(value: str) -> None:
    """Hide this value wherever it stands from now on, as it is and as a URI spells it.

    Not one of less than four characters: it would stand in every other word.
    """
    if len(value) >= 4:
        from urllib.parse import quote

        _secrets.update((value, quote(value, safe=""), quote(value)))


# Every secret that this process has seen.
_secrets: set[str] = set()

# Up to the last @ of the word: a password with an @ or a / that is not escaped is one all the same.
_USERINFO = re.compile(r"(://[^\s:/?#@]*):\S*@")
_NAMED = re.compile(
    r"(?i)((?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key)\s?=\s?)"
    r"(?:'[^']*'|\"[^\"]*\"|[^&;,\s'\"]+)"
)
