"""The images behind rows without text, read again from their files."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecstream_cli.core.blocks import Picture
from vecstream_cli.core.ids import DocumentId, Fingerprint, picture_key
from vecstream_cli.core.stored import named
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.registry import open_document
from vecstream_cli.readers.source import SourceFile
from vecstream_cli.settings import ReadingOptions
from vecstream_cli.state.content import content_hash
from vecstream_cli.state.restoring import digest

Pixels = NDArray[np.uint8]


class Originals:
    """Finds an image in its file; `bases` are the folders of the sources, by their names."""

    def __init__(
        self,
        bases: Mapping[str, bytes],
        wanted: ImageInput,
        fingerprint: Fingerprint,
        reading: ReadingOptions,
    ) -> None:
        self._bases = bases
        # Whatever run it was: of what it took nothing may be passed over now.
        self._options = replace(
            reading, text=True, image=wanted, embedded_images=True, archives=True, ocr=""
        )
        self._fingerprint = fingerprint

    def file_of(self, row: Mapping[str, Any]) -> bytes | None:
        """The row's file; None where it is not known, or is gone, or has changed since."""
        document = digest(row["document_id"])
        found = document and named(DocumentId(document), row["source"], row["path"])
        if not found or found[0] not in self._bases:
            return None
        path = self._bases[found[0]].rstrip(b"/") + b"/" + found[1]
        try:
            return path if content_hash(path).hex() == row["content_hash"] else None
        except OSError:
            return None

    def pixels(self, path: bytes, row: Mapping[str, Any]) -> Pixels | None:
        """The image of the file that the row was made of; None where there is none such."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            file = SourceFile(fd, os.fstat(fd).st_size, path)
            document = open_document(file, progress=lambda: None, options=self._options)[1]
            for each in document.blocks:
                if isinstance(each, Picture):
                    key = picture_key(np.ascontiguousarray(each.pixels).data, self._fingerprint)
                    if key.hex() == row["chunk_key"]:
                        return each.pixels
        except DocumentError:
            return None
        finally:
            os.close(fd)
        return None
