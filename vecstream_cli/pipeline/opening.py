"""The first decision of a run: is this collection ours, and made the way we would make it?"""

from collections.abc import Mapping

from vecstream_cli.core.record import CollectionRecord
from vecstream_cli.errors import FingerprintMismatch, ManifestVoid
from vecstream_cli.state.manifest import Manifest
from vecstream_cli.state.view import ManifestView


def bind(manifest: Manifest, collection: str, found: CollectionRecord | None,
         wanted: CollectionRecord) -> bool:  # fmt: skip
    """Bind the manifest to the collection as the database has it; True where that voided it.

    `found` is the collection's own record, None where there is no such collection yet; `wanted`
    is the record of a collection made by this run. Raises FingerprintMismatch where the
    collection was made with another model or chunking, ManifestVoid where it has rows that the
    manifest may not know of.
    """
    if found is None:
        return manifest.bind(wanted, created=True)
    refuse_other_settings(collection, found, wanted)
    if not manifest.knows(found):
        raise ManifestVoid(collection, manifest.path)
    return manifest.bind(found)


def still_bound(manifest: ManifestView, collection: str, state: str | None,
                wanted: CollectionRecord) -> bool:  # fmt: skip
    """Whether the manifest is known to be bound to the collection, without opening it.

    `state` is what the adapter tells of the collection now, None where it cannot: it is what it
    was when the last run had ended. Raises FingerprintMismatch as `bind` would.
    """
    found = manifest.collection
    if found is None or state is None or manifest.state != state:
        return False
    refuse_other_settings(collection, found, wanted)
    return True


def goes_on(manifest: Manifest, found: CollectionRecord, wanted: CollectionRecord) -> bool:
    """Whether a rebuild can go on with the build that an earlier run left."""
    known = manifest.collection
    return known is not None and known.uuid == found.uuid and _same_settings(found, wanted)


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """The facts that differ, side by side."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    pairs = (f"{name} is {_short(old.get(name))}, now {_short(new.get(name))}" for name in names)
    return "; ".join(pairs) or "its fingerprint differs"


def refuse_other_settings(
    collection: str, found: CollectionRecord, wanted: CollectionRecord
) -> None:
    """Raise FingerprintMismatch where the two make other vectors or chunks."""
    if not _same_settings(found, wanted):
        raise FingerprintMismatch(
            f"Collection {collection!r} was made with other settings: "
            f"{differences(found.facts, wanted.facts)}.",
        )


def _same_settings(found: CollectionRecord, wanted: CollectionRecord) -> bool:
    return (found.vector_fingerprint, found.chunk_fingerprint) == (
        wanted.vector_fingerprint,
        wanted.chunk_fingerprint,
    )


def _short(value: str | None) -> str:
    if value is None:
        return "not known"
    return f"{value[:12]}…" if len(value) > 40 else value
