"""A filter in a database's own words: exactly, or as far as they go.

What a database cannot be asked for is looked at in the rows that it finds (`adapters/nearest.py`),
so an adapter may begin with `Dialect` as it is, which asks for nothing, and still search right.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from vecstream_cli.core.filters import (
    All,
    Compare,
    Date,
    Field,
    Filter,
    Like,
    Missing,
    Not,
    Some,
    Value,
)

T = TypeVar("T")

_INT32 = frozenset(("ordinal", "page"))


@dataclass(frozen=True, slots=True)
class Condition(Generic[T]):
    """A condition that holds for every row that matches (None: says nothing), and whether it
    holds for no other."""

    native: T | None
    exact: bool


class Dialect(Generic[T]):
    """Says in a database's words what it can of a filter; what it cannot say, it says inexactly.

    A subclass overrides `compare`, `like` and `missing` for the fields that the database knows,
    and the three that join conditions, where it overrides any. `docs/search.md` tells what each
    means; the conformance suite compares the results with a look at every row.
    """

    def compare(self, field: Field, relation: str, value: Value | Date) -> Condition[T]:
        """The field stands in this relation (``=``, ``<``, ``<=``, ``>``, ``>=``) to the value."""
        return Condition(None, exact=False)

    def like(self, field: Field, pattern: str) -> Condition[T]:
        """The text of the field has this pattern."""
        return Condition(None, exact=False)

    def missing(self, field: Field) -> Condition[T]:
        """The field has no value."""
        return Condition(None, exact=False)

    def negated(self, condition: T) -> T:
        """What holds for all rows that `condition` does not hold for, absent fields included."""
        raise NotImplementedError

    def all_of(self, conditions: Sequence[T]) -> T:
        """What holds where all of these, two at least, do."""
        raise NotImplementedError

    def any_of(self, conditions: Sequence[T]) -> T:
        """What holds where one of these, two at least, does."""
        raise NotImplementedError

    def condition(self, wanted: Filter) -> Condition[T]:
        """What the database can be asked for."""
        match wanted:
            case Compare(field, relation, value):
                return self.compare(field, relation, value)
            case Like(field, pattern):
                return self.like(field, pattern)
            case Missing(field):
                return self.missing(field)
            case Not(part):
                inner = self.condition(part)
                if inner.native is None or not inner.exact:
                    return Condition(None, exact=False)
                return Condition(self.negated(inner.native), exact=True)
            case All(parts):
                return self._joined(self.all_of, [self.condition(part) for part in parts])
            case Some(parts):
                found = [self.condition(part) for part in parts]
                if any(part.native is None for part in found):
                    return Condition(None, exact=False)
                return self._joined(self.any_of, found)

    def _joined(
        self, join: Callable[[Sequence[T]], T], parts: Sequence[Condition[T]]
    ) -> Condition[T]:
        told = [part.native for part in parts if part.native is not None]
        exact = all(part.exact for part in parts)
        if len(told) < 2:
            return Condition(told[0] if told else None, exact=exact)
        return Condition(join(told), exact=exact)


def whole_number(column: str, relation: str, value: float) -> tuple[str, int] | bool:
    """A comparison in whole numbers that the column can hold, as all of its values are.

    False: no value satisfies it; True: every value does, and none that is absent.
    """
    if math.isnan(value):
        return False
    if math.isinf(value):
        return relation != "=" and relation.startswith("<") == (value > 0)
    whole = math.floor(value)
    if whole != value:
        if relation == "=":
            return False
        # Below 2.5 is what is at most 2, and above it what is above 2.
        relation = "<=" if relation.startswith("<") else ">"
    most = 2**31 - 1 if column in _INT32 else 2**63 - 1
    if -most - 1 <= whole <= most:
        return relation, whole
    return relation != "=" and relation.startswith("<") == (whole > 0)
