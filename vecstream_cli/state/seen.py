"""Which documents a scan has found: a bit for each document's number in the manifest."""


class Seen:
    """A set of small numbers that takes a bit for each, so that millions are a few hundred kB."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        """The document of this number was found."""
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(4096, byte + 1 - len(self._bits))))
        self._bits[byte] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] & 1 << (number & 7))

    def clear(self) -> None:
        """Nothing was found yet."""
        self._bits.clear()
