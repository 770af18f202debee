"""Filters and rows as hypothesis makes them: few names and values, so that they meet."""

import json

from hypothesis import strategies as st

from vecstream_cli.core.filters import All, Compare, Field, Filter, Like, Missing, Not, Some

NAMES_USED = ["author", "page", "path", "x", "in", "odd key", 'a"b\\', "é", "null", "3"]
TEXTS_USED = [
    "",
    "a",
    "b",
    "Ann",
    "ann",
    "100%",
    "a_b",
    "a\nb",
    'say "hi"',
    "it's",
    "b\\",
    "é",
    "🙂",
]

NAMES = st.sampled_from(NAMES_USED)
TEXTS = st.sampled_from(TEXTS_USED) | st.text(max_size=4)
NUMBERS = st.integers(0, 3) | st.integers(-(2**62), 2**62) | st.floats(-1e15, 1e15, allow_nan=False)
VALUES = TEXTS | NUMBERS | st.booleans()
FIELDS = st.builds(
    Field, st.sampled_from(["metadata", "position"]),
    st.lists(NAMES, min_size=1, max_size=2).map(tuple),
) | st.sampled_from([Field("path"), Field("page")])  # fmt: skip
RELATIONS = st.sampled_from(["=", "<", "<=", ">", ">="])


@st.composite
def comparisons(draw: st.DrawFn) -> Filter:
    field = draw(FIELDS)
    values = {"path": TEXTS, "page": NUMBERS}.get(field.column, VALUES)
    return Compare(field, draw(RELATIONS), draw(values))


LIKES = st.builds(Like, FIELDS.filter(lambda field: field.column != "page"), TEXTS)
FILTERS = st.recursive(
    comparisons() | LIKES | st.builds(Missing, FIELDS),
    lambda inner: (
        st.builds(Not, inner)
        | st.lists(inner, min_size=2, max_size=3).map(tuple).map(All)
        | st.lists(inner, min_size=2, max_size=3).map(tuple).map(Some)
    ),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=3) | st.none(), max_size=4)
ROWS = st.fixed_dictionaries(
    {
        "path": TEXTS, "page": st.none() | st.integers(1, 9),
        "metadata": st.none() | DOCUMENTS.map(json.dumps),
        "position": st.none() | DOCUMENTS.map(json.dumps),
    }
)  # fmt: skip
