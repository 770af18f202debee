"""What the chunker asks of a tokenizer: a text as units that can be counted, cut and joined."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Indexes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text as *units*, the pieces at whose edges it may be cut: words, marks, runs of space.

    Unit ``u`` is ``text[chars[u]:chars[u + 1]]`` and its ids are ``ids[tokens[u]:tokens[u + 1]]``;
    both arrays have one entry more than there are units. The ids of neighbours, joined, are the
    tokenizer's own ids for their joined text, but for two kinds of unit (sorted indexes):
    across `doubtful` ones the text must be tokenized again, and a `severed` one goes on within
    a word too long for the tokenizer and may never share a chunk with the unit before it.
    """

    ids: Ids
    chars: Indexes
    tokens: Indexes
    doubtful: Indexes
    severed: Indexes


class TokenizerProtocol(Protocol):
    """Implemented by `vecstream_cli.models.tokenizer.Tokenizer`."""

    @property
    def overhead(self) -> int:
        """Tokens that every input carries besides its text: special tokens and the prompt."""

    @property
    def sliceable(self) -> bool:
        """False: no slice can be trusted, every chunk must be tokenized again."""

    @property
    def opens_differently(self) -> bool:
        """True: the first unit of an input has other ids than the same unit after a space."""

    def encode(self, text: str, longest_unit: int) -> Tokens:
        """`text` as units of at most `longest_unit` tokens, a single character excepted."""

    def opening(self, unit: str) -> Ids:
        """The ids of a unit that opens an input, stripped of the space in front of it."""

    def model_input(self, ids: Ids) -> Ids:
        """What the model gets: special tokens, prompt and `ids` in their places."""

    def exact_ids(self, text: str) -> Ids:
        """The tokenizer's own ids for prompt and text, special tokens included."""
