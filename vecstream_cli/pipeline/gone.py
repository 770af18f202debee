"""Which documents are gone, and whether so many are that a person should look first."""

from collections.abc import Iterator

from vecstream_cli.core.plan import hold_back
from vecstream_cli.state.entries import DocumentPath
from vecstream_cli.state.scan import Listing
from vecstream_cli.state.view import ManifestView


class Gone:
    """A source's documents below the folders that were listed to their end, and not found.

    Iterate it once the scan is exhausted, more than once if need be; the documents may be removed
    meanwhile. What could not be listed, and all below it, is not gone.
    """

    def __init__(self, manifest: ManifestView, listing: Listing) -> None:
        self._manifest = manifest
        self._listing = listing

    @property
    def possible(self) -> bool:
        """False where there is none; cheaper than to look for the first."""
        return bool(self._listing.covered) and self._manifest.any_unseen(self._listing.source)

    def __iter__(self) -> Iterator[DocumentPath]:
        listing = self._listing
        for document in self._manifest.unseen(listing.source, listing.unreadable):
            if listing.covers(document.relative):
                yield document

    def held_back(self) -> str | None:
        """Why their deletion waits for a person, or None: an unmounted folder looks empty."""
        gone = sum(1 for _ in self)
        if not gone:
            return None
        source = self._listing.source
        every = self._manifest.documents_under(source)
        known = sum(1 for document in every if self._listing.covers(document.relative))
        if not hold_back(gone, known):
            return None
        return (
            f"{gone} of the {known} documents of {source} are gone; they are kept. "
            "Pass --allow-mass-delete if this is meant."
        )
