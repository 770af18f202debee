"""The end of a rebuild: whether what was built may take the live collection's place."""

from collections.abc import Mapping
from dataclasses import dataclass

from vecstream_cli.core.plan import hold_back
from vecstream_cli.pipeline.events import Listener, Notice, Summary
from vecstream_cli.state.manifest import Manifest

REPLACING = "replacing"
"""The state that a build's manifest notes before the database is asked to replace."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The collection to be replaced, and how many documents of each source are in it.

    `allow_mass_delete`: replace it by whatever was built.
    """

    live: str
    documents: Mapping[str, int]
    allow_mass_delete: bool


def may_replace(
    replacement: Replacement, built: Manifest, summary: Summary, listener: Listener
) -> bool:
    """Whether the build is whole as far as can be told; else says why not, and counts.

    An unreadable folder or an unmounted source would be missing in it, and so be lost.
    """
    if summary.scan_problems:
        _keep(listener, "a part of the sources could not be listed")
        return False
    if replacement.allow_mass_delete:
        return True
    held = 0
    for source, known in replacement.documents.items():
        gone = known - built.counts(source).documents
        if hold_back(gone, known):
            held += gone
            _keep(
                listener,
                f"{gone} of the {known} documents of {source} are not in the build; pass"
                " --allow-mass-delete if this is meant",
            )
    summary.deletions_held += held
    return not held


def _keep(listener: Listener, why: str) -> None:
    listener(Notice(None, "not-replaced", f"The collection stays as it was: {why}."))
