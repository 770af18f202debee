"""An image as a model wants it: upright, in RGB, of its size; no numbers are normalized here."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecstream_cli.pixels import ImageInput

if TYPE_CHECKING:
    from PIL.Image import Image

_ORIENTATION = 0x0112
_UPRIGHT = 1
_LONG = 8  # times as long as what is cut from it: then only that is resized

_GRAY_16 = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})


def prepared(image: "Image", wanted: ImageInput) -> NDArray[np.uint8]:
    """The pixels [height, width, 3] that the model gets of an image of any mode.

    They are those of the model's own processor, but for images that it makes little of: what is
    transparent becomes white instead of whatever colour hides there, and 16 bits are scaled to 8
    instead of being cut off at 255. What an image's orientation tag says is done.
    """
    from PIL.Image import Resampling

    image = in_rgb(upright(image))
    height, width = wanted.resized(image.height, image.width)
    top, left = wanted.corner(height, width)
    if max(height, width) > _LONG * max(wanted.height, wanted.width):
        # A line of 1 × 100,000 would become one of millions: resize what is cut, and no more.
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + wanted.width) * across,
               (top + wanted.height) * down)  # fmt: skip
        size = wanted.width, wanted.height
        return np.array(image.resize(size, Resampling(wanted.resample), box=box))
    resized = np.array(image.resize((width, height), Resampling(wanted.resample)))
    return _cut(resized, top, left, wanted)


def upright(image: "Image") -> "Image":
    """The image turned as its orientation tag says."""
    from PIL.ImageOps import exif_transpose

    if image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
        return image
    return exif_transpose(image)


def in_rgb(image: "Image") -> "Image":
    """The image in three channels of 8 bits, on white where it is transparent."""
    from PIL import Image

    if image.mode in _GRAY_16 or image.mode in ("I", "F"):
        return Image.fromarray(_gray(image)).convert("RGB")
    if image.has_transparency_data:
        with_alpha = image.convert("RGBA")
        on_white = Image.new("RGB", image.size, (255, 255, 255))
        on_white.paste(with_alpha, mask=with_alpha.getchannel("A"))
        return on_white
    return image.convert("RGB")


def _gray(image: "Image") -> NDArray[np.uint8]:
    """Gray of more than 8 bits in 8: the highest ones in use, as cameras of 10 or 12 leave some."""
    levels = np.asarray(image)
    if image.mode == "F":
        levels = np.nan_to_num(levels)
        bottom, top = min(0.0, float(levels.min())), float(levels.max())
        known = 1.0 if top <= 1 else 255.0 if top <= 255 else top
        full = known if bottom == 0 else top - bottom
        return np.asarray(((levels - bottom) * (255 / max(full, 1e-9))).round(), np.uint8)
    lowest = min(0, int(levels.min()))
    highest = int(levels.max()) - lowest
    if lowest:
        levels = levels.astype(np.int64) - lowest
    return np.asarray(levels >> max(0, highest.bit_length() - 8), np.uint8)


def _cut(pixels: NDArray[np.uint8], top: int, left: int, wanted: ImageInput) -> NDArray[np.uint8]:
    """`height` × `width` from there on; black where the image does not reach."""
    height, width = wanted.height, wanted.width
    if top >= 0 and left >= 0:
        return np.ascontiguousarray(pixels[top : top + height, left : left + width])
    cut = np.zeros((height, width, 3), np.uint8)
    inner = pixels[max(0, top) : max(0, top) + height, max(0, left) : max(0, left) + width]
    at_top, at_left = max(0, -top), max(0, -left)
    cut[at_top : at_top + inner.shape[0], at_left : at_left + inner.shape[1]] = inner
    return cut
