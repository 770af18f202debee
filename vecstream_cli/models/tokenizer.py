"""The model's own tokenizer, made fast by remembering words: text to units and ids, no torch."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import partial
from hashlib import sha256
from pathlib import Path
from string import punctuation
from typing import TYPE_CHECKING

import numpy as np

from vecstream_cli.core.tokens import Ids, Indexes, Tokens
from vecstream_cli.errors import ModelError
from vecstream_cli.models.families import GENERIC, PROBES, Family, family_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer as HFTokenizer

_REMEMBERED_UNITS = 65_536  # some 12 MB; a language's common words are far fewer
_REMEMBERED_CHARS = 48
_BATCH = 512  # the library's answers are large while they live
_ID_BYTES = 4
_NONE: Indexes = np.zeros(0, np.int64)
_CLAUSE_END = re.compile("[\u3001\u3002\uff01\uff0c\uff1b\uff1f]")


class Tokenizer:
    """A `tokenizer.json`; truncation and padding stay off, whatever the file asks for.

    `family` names the way text is cut, `digest` is the file's SHA-256, `overhead` the tokens
    that every input carries besides its text.
    """

    def __init__(
        self, exact: "HFTokenizer", *, digest: str = "", max_tokens: int, prompt: str = ""
    ) -> None:
        exact.no_truncation()
        exact.no_padding()
        self.digest = digest
        self.max_tokens = max_tokens
        self.prompt = prompt
        self._exact = exact
        self._known: dict[str, bytes] = {}
        self._prefix, self._suffix = self._surroundings()
        self.overhead = len(self._prefix) + len(self._suffix)
        self._use(family_of(exact))
        if self.sliceable and (self._runs_into_prompt() or not self._keeps_promises()):
            self._use(GENERIC)

    @classmethod
    def load(cls, tokenizer_file: Path, *, max_tokens: int, prompt: str = "") -> "Tokenizer":
        """Read a `tokenizer.json`; ModelError where it cannot be read."""
        from tokenizers import Tokenizer as HFTokenizer

        try:
            data = tokenizer_file.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{str(tokenizer_file)!r} cannot be read: {error.strerror}."
            ) from error
        try:
            exact = HFTokenizer.from_buffer(data)
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(
                f"{str(tokenizer_file)!r} is not a tokenizer: {error}.",
                hint="The model's folder needs the tokenizer.json of a fast tokenizer.",
            ) from error
        if _capitals_are_kept_by_mistake(exact, tokenizer_file):
            _lower_case(exact)
        return cls(exact, digest=sha256(data).hexdigest(), max_tokens=max_tokens, prompt=prompt)

    @property
    def family(self) -> str:
        """``wordpiece``, ``bytelevel``, ``unigram``, or ``generic`` where nothing is assumed."""
        return self._family.name

    @property
    def sliceable(self) -> bool:
        """Whether the ids of a text may be cut up into the ids of its chunks."""
        return self._family.sliceable

    @property
    def opens_differently(self) -> bool:
        """Whether a word that opens an input has other ids than after a space."""
        return self._family.opens_differently

    def encode(self, text: str, longest_unit: int) -> Tokens:
        """`text` as units of at most `longest_unit` tokens, a single character excepted."""
        family = self._family
        units: list[str] = family.units.findall(text)
        chars = _edges(units)
        continued: list[int] = []
        if _longest(chars) > family.longest:
            units, continued = _cut_up(units, continued, lambda unit: _pieces(unit, family))
            chars = _edges(units)
        encoded = self._encode_units(units)
        tokens = _edges(encoded) // _ID_BYTES
        while _longest(tokens) > longest_unit:
            counts = zip(units, np.diff(tokens), strict=True)
            long = {unit for unit, count in counts if count > longest_unit and len(unit) > 1}
            if not long:
                break
            units, continued = _cut_up(units, continued, partial(_halves, long))
            encoded = self._encode_units(units)
            chars, tokens = _edges(units), _edges(encoded) // _ID_BYTES
        ids = np.frombuffer(b"".join(encoded), np.int32)
        joints = np.array(continued, np.int64)
        doubtful = self._doubtful(text, ids, chars, tokens)
        if family.severs:
            return Tokens(ids, chars, tokens, doubtful=doubtful, severed=joints)
        return Tokens(ids, chars, tokens, doubtful=np.union1d(doubtful, joints), severed=_NONE)

    def opening(self, unit: str) -> Ids:
        """The ids of a unit that opens an input, stripped of the space in front of it."""
        return np.frombuffer(self._encode_units([self._lead + unit])[0], np.int32)

    def model_input(self, ids: Ids) -> Ids:
        """Special tokens, prompt and `ids`, in their places."""
        return np.concatenate((self._prefix, ids, self._suffix))

    def exact_ids(self, text: str) -> Ids:
        """The tokenizer's own ids for prompt and text, special tokens included."""
        return np.array(self._exact.encode(self.prompt + text).ids, np.int32)

    def _encode_units(self, units: Sequence[str]) -> list[bytes]:
        """Each unit's ids as bytes; nearly all are remembered from earlier text."""
        known = self._known
        missing = set(units).difference(known)
        if missing:
            if len(known) + len(missing) > _REMEMBERED_UNITS:
                known.clear()
                missing = set(units)
            fresh = list(missing)
            for unit, found in zip(fresh, self._ids_of(fresh), strict=True):
                known[unit] = found
        encoded = list(map(known.__getitem__, units))
        for unit in missing:
            if len(unit) > _REMEMBERED_CHARS:
                del known[unit]
        return encoded

    def _ids_of(self, units: list[str]) -> Iterator[bytes]:
        for first in range(0, len(units), _BATCH):
            batch = units[first : first + _BATCH]
            for encoding in self._plain.encode_batch_fast(batch, add_special_tokens=False):
                yield np.array(encoding.ids, np.int32).tobytes()

    def _doubtful(self, text: str, ids: Ids, chars: Indexes, tokens: Indexes) -> Indexes:
        """Units that hold, or are part of, what the tokenizer may see across unit edges."""
        found: list[int] = []
        special = np.flatnonzero(self._is_added[ids])
        if len(special):
            found.extend(np.searchsorted(tokens, special, "right") - 1)
        if self._search is not None:
            for match in self._search.finditer(text):
                first = int(np.searchsorted(chars, match.start(), "right")) - 1
                found.extend(range(first, int(np.searchsorted(chars, match.end(), "left"))))
        return np.unique(np.array(found, np.int64)) if found else _NONE

    def _surroundings(self) -> tuple[Ids, Ids]:
        """What every input begins and ends with: special tokens, and the prompt."""
        sample = self._exact.encode("a")
        inner = [i for i, special in enumerate(sample.special_tokens_mask) if not special]
        first, last = (inner[0], inner[-1] + 1) if inner else (len(sample.ids),) * 2
        # The space that ends a prompt belongs to the word behind it.
        prompt = self._exact.encode(self.prompt.rstrip(" "), add_special_tokens=False).ids
        return (
            np.array([*sample.ids[:first], *prompt], np.int32),
            np.array(sample.ids[last:], np.int32),
        )

    def _use(self, family: Family) -> None:
        """Cut text the way of `family`."""
        self._family = family
        self._lead = " " if self.prompt.endswith(" ") and family.opens_differently else family.lead
        self._plain = _without_prefix_space(self._exact) if family.lead else self._exact
        self._known.clear()
        added = self._exact.get_added_tokens_decoder()
        # An unknown token is no sign of anything: cuneiform is unknown to nearly all.
        unknown = self._exact.encode("\U00012000", add_special_tokens=False).ids
        self._is_added = np.zeros(max(self._exact.get_vocab_size(), *added, 0) + 1, bool)
        self._is_added[[i for i in added if i not in unknown]] = True
        patterns = [re.escape(token.content) for token in added.values() if token.content]
        if family.doubtful is not None:
            patterns.append(family.doubtful)
        self._search = re.compile("|".join(patterns)) if patterns and family.sliceable else None

    def _runs_into_prompt(self) -> bool:
        """Whether the prompt's last word and the text's first would be taken for one."""
        end = self.prompt[-1:]
        cuts_at_marks = self._family.severs
        return bool(end) and not end.isspace() and not (cuts_at_marks and end in punctuation)

    def _keeps_promises(self) -> bool:
        """Whether what the family claims is true of this tokenizer and prompt, on the probes."""
        for probe in PROBES:
            tokens = self.encode(probe, longest_unit=len(probe) * 8)
            first = self.opening(probe[: int(tokens.chars[1])])
            rest = tokens.ids[int(tokens.tokens[1]) :]
            if not np.array_equal(
                self.model_input(np.concatenate((first, rest))), self.exact_ids(probe)
            ):
                return False
        return True


def _edges(parts: Sequence[Sized]) -> Indexes:
    """Where each part starts when all are joined, and where the last one ends."""
    edges = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=edges[1:])
    return edges


def _longest(edges: Indexes) -> int:
    return int(np.diff(edges).max(initial=0))


def _cut_up(
    units: Sequence[str], continued: Sequence[int], cut: Callable[[str], list[str]]
) -> tuple[list[str], list[int]]:
    """`units` with each cut in its parts, and the indexes of those that continue another."""
    parts: list[str] = []
    indexes: list[int] = []
    already = set(continued)
    for index, unit in enumerate(units):
        if index in already:
            indexes.append(len(parts))
        pieces = cut(unit)
        indexes.extend(range(len(parts) + 1, len(parts) + len(pieces)))
        parts.extend(pieces)
    return parts, indexes


def _pieces(unit: str, family: Family) -> list[str]:
    """A unit without end cut after marks that end a clause, or else anywhere."""
    if len(unit) <= family.longest or unit.isspace():
        return [unit]
    pieces: list[str] = []
    start = 0
    while start < len(unit):
        end = min(start + family.piece, len(unit))
        if end < len(unit):
            marks = [match.end() for match in _CLAUSE_END.finditer(unit, start, end)]
            end = marks[-1] if marks else _before_cluster(unit, start, end)
        pieces.append(unit[start:end])
        start = end
    return pieces


def _halves(long: set[str], unit: str) -> list[str]:
    if unit not in long:
        return [unit]
    middle = _before_cluster(unit, 0, len(unit) // 2)
    return [unit[:middle], unit[middle:]]


def _before_cluster(text: str, start: int, end: int) -> int:
    """`end`, or a little before it where it would part a character from its marks."""
    for cut in range(end, max(start, end - 8), -1):
        if unicodedata.category(text[cut])[0] != "M" and "\u200d" not in text[cut - 1 : cut + 1]:
            return cut
    return end


def _capitals_are_kept_by_mistake(exact: "HFTokenizer", tokenizer_file: Path) -> bool:
    """SigLIP 2 was trained on lower-cased text; its tokenizer, which is Gemma's, keeps capitals.

    Only the file beside says so, which transformers' class for it knows better than to ignore.
    """
    try:
        beside = json.loads((tokenizer_file.parent / "tokenizer_config.json").read_bytes())
        kind = str(beside.get("tokenizer_class", ""))
    except (OSError, ValueError, AttributeError):
        return False
    wanted = kind.startswith("Siglip2") or (
        kind.startswith("Gemma") and beside.get("do_lower_case", False)
    )
    return wanted and "Lowercase" not in str(exact.normalizer)


def _lower_case(exact: "HFTokenizer") -> None:
    from tokenizers import normalizers

    first = normalizers.Lowercase()
    others = [exact.normalizer] if exact.normalizer is not None else []
    exact.normalizer = normalizers.Sequence([first, *others])


def _without_prefix_space(tokenizer: "HFTokenizer") -> "HFTokenizer":
    """A copy that gives a word the ids it has in mid-text after no space."""
    plain = type(tokenizer).from_str(tokenizer.to_str())
    plain.pre_tokenizer.add_prefix_space = False
    return plain
