"""A run of LaTeX as text: accents, quotes and symbols as characters, commands gone, formulas kept.

pylatexenc knows the characters. It is given no commands with arguments, whose words it may drop.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from vecstream_cli.readers.failures import silenced

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text  # type: ignore[import-untyped]

_GROUP = r"\{((?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*\})*)\}"
_MATH = re.compile(
    r"(\$\$.+?\$\$|\$(?:[^$\\]|\\.)+\$|\\\(.+?\\\)|\\\[.+?\\\]"
    r"|\\begin\{(equation|align|gather|multline|math|displaymath|eqnarray|alignat|flalign)(\*?)\}"
    r".+?\\end\{\2\3\})",
    re.DOTALL,
)
# What says nothing to a reader: keys, measures, files.
_DROPPED = re.compile(
    r"~?\\(?:label|[A-Za-z]*cite[A-Za-z]*|[A-Za-z]*ref|bibliography|bibliographystyle"
    r"|includegraphics|input|include|vspace|hspace|index|pagestyle|thispagestyle|setlength"
    r"|addtolength|setcounter|usepackage|documentclass|hypersetup|graphicspath|href"
    r"|begin|end)\*?(?![A-Za-z])\s*(?:\[[^\]]*\]\s*)*\{[^{}]*\}(?:\[[^\]]*\])?"
)
_SEPARATOR = re.compile(r"\s*\\and(?![A-Za-z])\s*")
# A command before its argument goes, the argument stays; accents are of one letter.
_WRAPPING = re.compile(r"\\[A-Za-z@]{2,}\*?\s*(?:\[[^\]]*\]\s*)*(?=\{\s*[^}\s])")
_BREAK = re.compile(r"\\\\(?:\*|\[[^\]]*\])?|\\newline(?![A-Za-z])")
_COMMAND = re.compile(r"\\[A-Za-z@]+\*?|[{}]")
_MARKED = re.compile(r"[\\{}~`'-]")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK = re.compile(r"\s*\n\s*")


def argument(source: str, command: str) -> str:
    """What stands in braces behind the first such command, or nothing."""
    found = re.search(rf"\\{command}\*?\s*(?:\[[^\]]*\])?\s*{_GROUP}", source)
    return found[1] if found else ""


def plain(source: str) -> str:
    """The text of a paragraph, its line ends as they were."""
    parts = []
    at = 0
    for formula in _MATH.finditer(source):
        parts += [_words(source[at : formula.start()]), formula[0]]
        at = formula.end()
    parts.append(_words(source[at:]))
    text = _SPACES.sub(" ", "".join(parts).replace("\0", "").replace("\u00a0", " "))
    return _BLANK.sub("\n", text).strip()


def _words(source: str) -> str:
    if not _MARKED.search(source):
        return source
    source = _SEPARATOR.sub(", ", _DROPPED.sub("", source))
    source = _WRAPPING.sub("", _BREAK.sub("\n", source))
    try:
        with silenced("pylatexenc"):
            text: str = _converter().latex_to_text(source)
            return text
    except (Exception, RecursionError):  # noqa: BLE001 (what it cannot parse is still text)
        return _COMMAND.sub("", source)


@cache
def _converter() -> "LatexNodes2Text":
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text(math_mode="verbatim", strict_latex_spaces=True)
