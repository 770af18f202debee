"""Which tokenizers cut a text into units that do not see each other, and at what characters.

In most tokenizers a pre-tokenizer cuts the text into words before the model runs, so a word
has the same ids wherever it stands. Where the cuts are known, a text need not be tokenized
twice to be chunked, and a word seldom needs to be tokenized twice at all.
"""

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer as HFTokenizer


@dataclass(frozen=True, slots=True)
class Family:
    """How a kind of tokenizer cuts text into units.

    `units` matches every text from end to end. A unit of more than `longest` characters is cut
    into pieces of `piece`; where it `severs`, two such pieces must not meet in one input, since
    the tokenizer would take them for one word and give up on it. `doubtful` finds what must be
    tokenized together with its surroundings. `lead` goes in front of a unit that opens an input.
    """

    name: str
    units: re.Pattern[str]
    longest: int = 128
    piece: int = 64
    sliceable: bool = True
    severs: bool = False
    opens_differently: bool = False
    lead: str = ""
    doubtful: str | None = None


def family_of(tokenizer: "HFTokenizer") -> Family:
    """The family of a loaded tokenizer, told by its parts; `GENERIC` where they are unknown."""
    model = type(tokenizer.model).__name__
    normalizer, cutter = _state(tokenizer.normalizer), _state(tokenizer.pre_tokenizer)
    if any(
        _surprising(token, normalizer) for token in tokenizer.get_added_tokens_decoder().values()
    ):
        return GENERIC
    if model == "WordPiece" and _is_bert(normalizer, cutter):
        return _WORDPIECE
    if model == "BPE" and cutter.get("type") == "ByteLevel" and cutter.get("use_regex", True):
        if not normalizer or normalizer["type"] in {"NFC", "Lowercase"}:
            return _BYTELEVEL_LEAD if cutter["add_prefix_space"] else _BYTELEVEL
        return GENERIC
    if model == "Unigram" and "Metaspace" in {cutter.get("type"), *_types(cutter)}:
        return _UNIGRAM
    return GENERIC


# BERT's basic tokenizer cuts at white space, around punctuation and around each Chinese
# character. Only the commonest of these are cut at here: a run between two of them is one
# unit, whatever else it holds, and the tokenizer itself cuts that one further. The control
# characters that Python counts as white space are dropped by BERT, so they part nothing.
_MARKS = "!-/:-@\\[-`{-~\u2010-\u2027\u3001-\u3003\u3008-\u3011\uff01\uff0c\uff1a\uff1b\uff1f"
_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff"
_SPACE = " \t\n\r\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BERT_UNITS = re.compile(rf" ?[^{_SPACE}{_MARKS}{_CHINESE}]+| ?[{_MARKS}{_CHINESE}]|[{_SPACE}]+")

# GPT-2's expression and SentencePiece both cut before the space in front of a word; a run of
# white space leaves its last space to the word behind it.
_SPACED_UNITS = re.compile(r" ?\S+|\s+(?=\s\S)|\s+")

# White space to Python, control characters to the tokenizers.
_ODD_SPACE = "[\x1c-\x1f]"
# A mark that combines with the space before it may be normalized together with it.
_COMBINED_SPACE = r"\s[\u0300-\u036f\u200b-\u200f\u3099-\u309c]"

# WordPiece makes one unknown token of any word of more than 100 characters. A hash may keep
# that, as it does elsewhere; a word without end is cut into pieces that are still read.
_WORDPIECE = Family("wordpiece", _BERT_UNITS, longest=256, piece=100, severs=True)
_BYTELEVEL = Family("bytelevel", _SPACED_UNITS, opens_differently=True, doubtful=_ODD_SPACE)
_BYTELEVEL_LEAD = replace(_BYTELEVEL, lead=" ")
_UNIGRAM = Family("unigram", _SPACED_UNITS, doubtful=f"{_ODD_SPACE}|{_COMBINED_SPACE}")
GENERIC = Family("generic", _SPACED_UNITS, sliceable=False)

PROBES = (
    "The quick-brown fox's 12,345 jumps: naïve Straße, don't!",
    "one  two\tthree\n\nfour   \n  five (six)\u00a0seven",
    "def f(x):\n    return x*2  # twice\r\n\r\nend",
    "漢字かな交じり文。 Москва 서울 العربية ไทย 🙂👍🏽 e\u0301 fin.",
)
"""Texts on which a family's claims are tried before they are believed."""


def _state(part: Any) -> dict[str, Any]:
    return dict(json.loads(part.__getstate__())) if part is not None else {}


def _types(cutter: dict[str, Any]) -> list[str]:
    return [part["type"] for part in cutter.get("pretokenizers", ())]


def _is_bert(normalizer: dict[str, Any], cutter: dict[str, Any]) -> bool:
    return (
        cutter.get("type") == "BertPreTokenizer"
        and normalizer.get("type") == "BertNormalizer"
        and normalizer["clean_text"]
        and normalizer["handle_chinese_chars"]
    )


def _surprising(token: Any, normalizer: dict[str, Any]) -> bool:
    """Whether an added token can match what a search for its content does not find."""
    spaced = any(char.isspace() for char in token.content)
    return spaced or (token.normalized and not token.special and bool(normalizer))
