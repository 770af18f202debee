"""Floor 0: what a model wants of a picture: its size, and the way to it from any other size."""

from dataclasses import dataclass

CHANNELS = 3  # RGB, in this order, whatever the model


@dataclass(frozen=True, slots=True)
class ImageInput:
    """How a picture becomes `height` × `width` pixels of RGB, and those become numbers.

    With a `shortest_edge` the shorter side is resized to it and `height` × `width` are cut from
    the middle; without one the picture is resized to `height` × `width` straight, whatever its
    shape. `resample` is Pillow's number for the filter. A model then sees
    ``(pixel * rescale - mean) / std`` of each channel, which is computed where the model runs.
    """

    height: int
    width: int
    shortest_edge: int | None = None
    resample: int = 3
    rescale: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    @property
    def pixel_bytes(self) -> int:
        """The bytes of one prepared picture, one for each channel of each pixel."""
        return self.height * self.width * CHANNELS

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of a picture of this size when it is resized, before it is cut.

        The longer side is cut off to whole pixels, as the models' own processors do.
        """
        if self.shortest_edge is None:
            return self.height, self.width
        if height < width:
            return self.shortest_edge, int(self.shortest_edge * width / height)
        return int(self.shortest_edge * height / width), self.shortest_edge

    def corner(self, height: int, width: int) -> tuple[int, int]:
        """Top and left of the cut from the middle of a resized picture of this size."""
        return (height - self.height) // 2, (width - self.width) // 2
