"""Image files: what becomes a picture, what is refused and why, and what it costs."""

import io
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import source
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from vecstream_cli.core.blocks import OpenDocument, Picture
from vecstream_cli.errors import DocumentError
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.formats import suffixes
from vecstream_cli.readers.pixels import prepared
from vecstream_cli.readers.registry import open_document
from vecstream_cli.settings import ReadingOptions

WANTED = ImageInput(height=32, width=32, shortest_edge=40)
IMAGES = ReadingOptions(image=WANTED)
ONLY_IMAGES = ReadingOptions(image=WANTED, text=False)

See = Callable[..., tuple[OpenDocument, list[Picture]]]


@pytest.fixture
def see(tmp_path: Path) -> See:
    """Reads bytes, or a file, to the end, with a model for images."""

    def read(
        content: bytes | Path, name: str = "a.png", options: ReadingOptions = IMAGES
    ) -> tuple[OpenDocument, list[Picture]]:
        path = content if isinstance(content, Path) else tmp_path / "document"
        if isinstance(content, bytes):
            path.write_bytes(content)
        with source(path, name) as file:
            _, document = open_document(file, progress=lambda: None, options=options)
            blocks = list(document.blocks)
        return document, [block for block in blocks if isinstance(block, Picture)]

    return read


def photo(width: int = 120, height: int = 90) -> Image.Image:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def png_of_declared_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


FORMS = ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "JPEG2000"]


@pytest.mark.parametrize("form", FORMS)
def test_each_format_is_known_by_its_content(see: See, form: str) -> None:
    document, pictures = see(encoded(photo(), form), "no-suffix")

    assert len(pictures) == 1
    assert pictures[0].pixels.shape == (32, 32, 3)
    assert document.metadata["width"], document.metadata["height"] == (120, 90)
    assert document.warnings == []


def test_pixels_are_those_of_the_decoded_image(see: See) -> None:
    data = encoded(photo(), "JPEG", quality=90)

    [picture] = see(data, "a.jpg")[1]

    assert (picture.pixels == prepared(Image.open(io.BytesIO(data)), WANTED)).all()


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(see: See, form: str) -> None:
    frames = [Image.new("RGB", (64, 64), (n * 100, 0, 0)) for n in (1, 0, 2)]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], lossless=True)

    [picture] = see(data)[1]

    assert np.abs(picture.pixels.astype(int) - (100, 0, 0)).max() <= 1


def test_a_large_jpeg_is_decoded_smaller_and_differs_little(see: See) -> None:
    large = photo(6000, 4000)
    data = encoded(large, "JPEG", quality=95)

    [picture] = see(data, "a.jpg")[1]

    difference = np.abs(picture.pixels.astype(int) - prepared(large, WANTED))
    assert difference.max() <= 3
    assert difference.mean() < 1


def test_what_an_image_says_of_itself_is_its_metadata(see: See) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = "A red coat", "Ann"
    exif[0x0112] = 6
    exif.get_ifd(0x8769).update({0x9003: "2021:05:03 10:11:12", 0x9011: "+02:00"})
    exif[0x9C9E] = "winter;snow".encode("utf-16-le")

    document, _ = see(encoded(photo(), "JPEG", exif=exif), "a.jpg")

    assert document.metadata == {
        "title": "A red coat",
        "author": "Ann",
        "created": "2021-05-03T10:11:12+02:00",
        "keywords": "winter;snow",
        "width": 90,
        "height": 120,
        "format": "JPEG",
    }


def test_texts_of_a_png_are_read_and_bounded(see: See) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Title", "T" * 5000)
    texts.add_text("Author", "Ann")

    document, _ = see(encoded(photo(), "PNG", pnginfo=texts))

    assert document.metadata["author"] == "Ann"
    assert "title" not in document.metadata


@pytest.mark.parametrize("size", [(50_000, 50_000), (1 << 30, 1), (8193, 8192)])
def test_a_bomb_is_refused_by_what_it_declares(see: See, size: tuple[int, int]) -> None:
    with pytest.raises(DocumentError) as error:
        see(png_of_declared_size(*size))
    assert error.value.reason == "too-large"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.95])
def test_a_file_cut_off_is_refused_or_read_and_never_more(
    see: See, form: str, share: float
) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)
    data = encoded(Image.fromarray(noise), form, **options)

    with pytest.raises(DocumentError) as error:
        see(data[: int(share * len(data))], f"a.{form.lower()}")
    assert error.value.reason == "malformed"


@pytest.mark.parametrize("content", [b"not an image at all, only words", b"<html><p>gone</p>"])
def test_text_with_the_name_of_an_image_is_read_as_text(see: See, content: bytes) -> None:
    assert see(content, "photo.jpg")[1] == []


def test_a_model_for_text_is_told_that_an_image_is_none_of_its_business(see: See) -> None:
    for name in ("a.png", "notes.txt"):
        with pytest.raises(
            DocumentError, match="a PNG image, which only a model for images"
        ) as error:
            see(encoded(photo(), "PNG"), name, ReadingOptions())
        assert error.value.reason == "unsupported"


def test_a_model_for_images_alone_reads_no_text(see: See) -> None:
    with pytest.raises(DocumentError, match="nothing but images") as error:
        see(b"words, and nothing else", "notes.txt", ONLY_IMAGES)
    assert error.value.reason == "unsupported"


def test_what_is_looked_for_follows_from_the_model() -> None:
    assert ".jpg" not in suffixes(ReadingOptions())
    assert {".jpg", ".md"} <= suffixes(IMAGES)
    assert ".webp" in suffixes(ONLY_IMAGES)
    assert not {".md", ".pdf"} & suffixes(ONLY_IMAGES)


def test_words_that_begin_like_an_image_are_words(see: See) -> None:
    for words in (b"BM is short for many things", b"II* and MM", b"GIF8 is no mark"):
        assert see(words, "notes.txt")[1] == []


needs_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program tesseract is not installed"
)


def sign(words: str) -> bytes:
    image = Image.new("RGB", (900, 300), "white")
    font = ImageFont.load_default(size=48)
    ImageDraw.Draw(image).text((60, 60), words, fill="black", font=font)
    return encoded(image, "PNG")


@needs_tesseract
@pytest.mark.parametrize("image", [None, WANTED], ids=["text model", "both"])
def test_the_words_in_an_image_are_read_where_they_are_wanted(
    tmp_path: Path, image: ImageInput | None
) -> None:
    (tmp_path / "sign.png").write_bytes(sign("Mind the gap"))
    options = ReadingOptions(image=image, ocr="eng")

    with source(tmp_path / "sign.png") as file:
        document = open_document(file, progress=lambda: None, options=options)[1]
        pictures, words = [], []
        for block in document.blocks:
            (pictures if isinstance(block, Picture) else words).append(block)

    assert "".join(block.text for block in words).strip() == "Mind the gap"
    assert len(pictures) == (0 if image is None else 1)
    assert document.warnings == []
    assert ".png" in suffixes(options)


@needs_tesseract
def test_an_image_without_words_says_so_to_a_model_for_text(see: See) -> None:
    document, _ = see(sign(""), "sign.png", ReadingOptions(ocr="eng"))
    assert [each.reason for each in document.warnings] == ["no-text"]
    assert see(sign(""), "sign.png", ReadingOptions(ocr="eng", image=WANTED))[0].warnings == []


def test_the_corpus_of_images_is_read_or_refused_without_a_word_on_stderr(
    see: See, corpora: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = 0
    refused: dict[str, str] = {}
    for path in sorted((corpora / "images").iterdir()):
        try:
            _, pictures = see(path, path.name)
        except DocumentError as error:
            refused[path.name] = error.reason
        else:
            assert len(pictures) == 1, path
            seen += 1
    assert seen > 75
    assert set(refused.values()) <= {"malformed", "unsupported"}
    assert len(refused) < 15
    assert capfd.readouterr().err == ""


PEAK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, "tests/readers")
from conftest import source
from PIL import Image
from vecstream_cli.pixels import ImageInput
from vecstream_cli.readers.registry import open_document
from vecstream_cli.settings import ReadingOptions
options = ReadingOptions(image=ImageInput(height=32, width=32))
def read(path):
    with source(Path(path)) as file:
        list(open_document(file, progress=lambda: None, options=options)[1].blocks)
read(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read(sys.argv[2])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def test_a_jpeg_of_a_hundred_million_pixels_costs_little_memory(tmp_path: Path) -> None:
    small, large = tmp_path / "small.jpg", tmp_path / "large.jpg"
    photo().save(small)
    Image.new("L", (12_000, 9_000), 99).save(large)

    command = [sys.executable, "-c", PEAK, str(small), str(large)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert int(done.stdout) < 64
