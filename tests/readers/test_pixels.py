"""An image of any mode as a model wants it: upright, RGB, of its size."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.pixels import prepared

CROPPED = ImageInput(height=32, width=32, shortest_edge=40, resample=3)
STRAIGHT = ImageInput(height=32, width=32, resample=2)


def photo(width: int = 120, height: int = 90, mode: str = "RGB") -> Image.Image:
    """Colours that change everywhere, and a box in one corner."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    pixels = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).rectangle((0, 0, width // 4, height // 4), fill=(255, 0, 0))
    return image.convert(mode)


@pytest.mark.parametrize("wanted", [CROPPED, STRAIGHT], ids=["cropped", "straight"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK", "YCbCr", "RGBA", "LA", "HSV"])
@pytest.mark.parametrize("size", [(120, 90), (33, 200), (7, 5), (1, 1)])
def test_every_mode_and_size_becomes_what_the_model_wants(
    mode: str, size: tuple[int, int], wanted: ImageInput
) -> None:
    image = photo(*size).convert("L").convert(mode) if mode == "LA" else photo(*size, mode)

    pixels = prepared(image, wanted)

    assert (pixels.shape, pixels.dtype) == ((32, 32, 3), np.uint8)
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright_as_its_tag_says(orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    as_taken = photo()
    if orientation in turns:
        as_taken = as_taken.transpose(turns[orientation])
    as_taken.getexif()[0x0112] = orientation

    assert (prepared(as_taken, STRAIGHT) == prepared(photo(), STRAIGHT)).all()


def test_what_is_transparent_becomes_white_whatever_colour_hides_there() -> None:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((16, 16, 47, 47), fill=(200, 0, 0, 255))

    pixels = prepared(image, STRAIGHT)

    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[16, 16].tolist() == [200, 0, 0]


def test_a_transparent_colour_of_a_palette_becomes_white() -> None:
    image = photo().quantize(16)
    image.info["transparency"] = image.getpixel((4, 4))

    assert prepared(image, STRAIGHT)[2, 2].tolist() == [255, 255, 255]


RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


@pytest.mark.parametrize(
    "levels",
    [
        (RAMP * 65_535).astype(np.uint16),
        (RAMP * 4_095).astype(np.uint16),
        (RAMP * 255).astype(np.uint16),
        (RAMP * 65_535).astype(np.int32),
        ((RAMP - 0.5) * 65_535).astype(np.int32),
        RAMP.astype(np.float32),
        (RAMP * 255).astype(np.float32),
        (RAMP * 1e6 - 5e5).astype(np.float32),
    ],
    ids=["16 bits", "12 bits", "8 of 16", "32 bits", "signed", "to 1", "to 255", "any float"],
)
def test_gray_of_many_bits_keeps_its_shades(levels: np.ndarray) -> None:
    pixels = prepared(Image.fromarray(levels), STRAIGHT).astype(int)

    assert pixels[0].max() < 12
    assert pixels[-1].min() > 243
    assert (np.diff(pixels[:, 16, 0]) > 0).all()


def test_a_line_without_end_is_cut_before_it_is_resized() -> None:
    # resized whole it would be 40 × 4,000,000 pixels
    pixels = prepared(Image.new("RGB", (100_000, 1), (10, 20, 30)), CROPPED)

    assert (pixels == (10, 20, 30)).all()


def test_what_is_cut_from_a_long_image_is_the_same_as_from_the_whole() -> None:
    image = photo(1000, 90)  # 444 × 40: longer than is resized whole

    cut = prepared(image, CROPPED).astype(int)

    whole = np.array(image.resize((444, 40), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(cut - whole[4:36, 206:238]).max() <= 1


def test_an_image_smaller_than_what_is_cut_gets_a_black_rim() -> None:
    wanted = ImageInput(height=32, width=32, shortest_edge=16)

    pixels = prepared(Image.new("RGB", (20, 20), (9, 9, 9)), wanted)

    assert (pixels[8:24, 8:24] == 9).all()
    assert pixels.sum() == 16 * 16 * 3 * 9
