"""Images through the whole ring: beside text in one collection, found by words and by images."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_vision
from conftest import Finished, Vecstream
from PIL import Image

pytestmark = pytest.mark.timeout(300)  # transformers alone takes seconds to import

AGREE = 0.99999
FACTS = (
    "id", "path", "ordinal", "char_start", "char_end", "text", "chunk_key", "content_hash",
    "position", "metadata",
)  # fmt: skip
KINDS: Mapping[str, Callable[..., Path]] = {
    "clip": tiny_vision.clip,
    "siglip": tiny_vision.siglip,
    "dinov2": tiny_vision.dinov2,
}
WORDS = "two dogs on the beach, one of them running. a red coat, the coat of one of them.\n\n"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A model's folder by its kind, made once."""
    folder, made = tmp_path_factory.mktemp("models"), set()

    def make(kind: str) -> Path:
        if kind not in made:
            KINDS[kind](folder / kind)
            made.add(kind)
        return folder / kind

    return make


def paint(path: Path, seed: int, size: tuple[int, int] = (90, 60)) -> None:
    """An image with shapes and colours of its own; lossless, but for a JPEG."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 255, (5, 7, 3), np.uint8))
    coarse.resize(size, Image.Resampling.BICUBIC).save(path)


def write_album(folder: Path, images: int = 14) -> Path:
    folder.mkdir(parents=True)
    for number in range(images):
        paint(folder / f"photo-{number:02}.{'jpg' if number % 2 else 'png'}", number)
    for number in range(3):
        (folder / f"notes-{number}.md").write_text(f"# Notes {number}\n\n{WORDS * (number + 1)}")
    return folder


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, models: Callable[[str], Path]
) -> Callable[[str], Vecstream]:
    """An album indexed with a model of a kind, once."""
    found: dict[str, Vecstream] = {}

    def make(kind: str) -> Vecstream:
        if kind not in found:
            vecstream = found[kind] = Vecstream(tmp_path_factory.mktemp(kind), models(kind))
            write_album(vecstream.folder / "album")
            done = vecstream.index("album", "--source", "album")
            assert done.code == 0, done.err
            vecstream.first = done.summary  # type: ignore[attr-defined]
        return found[kind]

    return make


@pytest.fixture
def album(made: Callable[[str], Vecstream], tmp_path: Path) -> Vecstream:
    """A copy of the album and of its table, made with CLIP."""
    original = made("clip")
    vecstream = Vecstream(tmp_path, original.model)
    shutil.copytree(original.folder / "album", tmp_path / "album")
    shutil.copytree(original.database, vecstream.database)
    return vecstream


def images_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if not row["path"].endswith(".md")]


def search(vecstream: Vecstream, *arguments: str | Path) -> Finished:
    command = [sys.executable, "-m", "vecstream_cli", "search", *map(str, arguments), "--json"]
    return vecstream.run([*command, "--db-uri", str(vecstream.database)])


def their_images(folder: Path, paths: list[Path]) -> np.ndarray:
    """The vectors that transformers makes of image files, with the model's own processor."""
    import torch
    from transformers import AutoImageProcessor, AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    images = [Image.open(path).convert("RGB") for path in paths]
    inputs = AutoImageProcessor.from_pretrained(folder, backend="pil")(images, return_tensors="pt")
    with torch.inference_mode():
        found = getattr(model, "get_image_features", model)(**inputs).pooler_output
    return np.asarray(found, np.float64)


def their_texts(folder: Path, texts: list[str]) -> np.ndarray:
    import torch
    from transformers import AutoModel, AutoProcessor

    model = AutoModel.from_pretrained(folder).eval()
    padding = "max_length" if model.config.model_type == "siglip" else True
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    with torch.inference_mode():
        inputs = processor(text=texts, padding=padding, return_tensors="pt")
        return np.asarray(model.get_text_features(**inputs).pooler_output, np.float64)


def least_cosine(rows: list[dict[str, Any]], theirs: np.ndarray) -> float:
    ours = np.array([row["vector"] for row in rows], np.float64)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return float(((ours * theirs).sum(axis=1) / lengths).min())


@pytest.mark.parametrize("kind", KINDS)
def test_every_image_has_the_vector_of_transformers_own_pipeline(
    made: Callable[[str], Vecstream], kind: str
) -> None:
    vecstream = made(kind)
    rows = images_of(vecstream.rows())

    theirs = their_images(
        vecstream.model, [vecstream.folder / "album" / row["path"] for row in rows]
    )

    assert len(rows) == 14
    assert least_cosine(rows, theirs) >= AGREE


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_every_text_has_the_vector_of_transformers_own_pipeline(
    made: Callable[[str], Vecstream], kind: str
) -> None:
    vecstream = made(kind)
    rows = [row for row in vecstream.rows() if row["text"]]

    assert {row["path"] for row in rows} == {f"notes-{n}.md" for n in range(3)}
    assert least_cosine(rows, their_texts(vecstream.model, [r["text"] for r in rows])) >= AGREE


def test_texts_and_images_of_a_mixed_folder_lie_in_one_collection(
    made: Callable[[str], Vecstream],
) -> None:
    vecstream = made("clip")
    images = images_of(vecstream.rows())

    assert {row["text"] for row in images} == {""}
    assert {(row["ordinal"], row["char_start"], row["char_end"]) for row in images} == {(0, 0, 0)}
    assert json.loads(images[0]["metadata"]) == {"width": 90, "height": 60, "format": "PNG"}
    assert len({row["chunk_key"] for row in images}) == 14
    first = vecstream.first  # type: ignore[attr-defined]
    assert (first["documents_new"], first["images_embedded"]) == (17, 14)
    assert first["chunks_embedded"] == first["chunks_written"] == len(vecstream.rows())


def test_a_model_for_images_alone_looks_for_nothing_else(made: Callable[[str], Vecstream]) -> None:
    vecstream = made("dinov2")
    first = vecstream.first  # type: ignore[attr-defined]

    assert (first["documents_new"], first["documents_skipped"]) == (14, 3)
    assert not [row for row in vecstream.rows() if row["text"]]


def test_an_image_finds_itself_and_words_find_images(made: Callable[[str], Vecstream]) -> None:
    vecstream = made("clip")

    by_image = search(vecstream, "--image", vecstream.folder / "album" / "photo-05.jpg", "-k", 3)
    by_words = search(vecstream, "a red coat", "-k", 17)

    assert by_image.code == by_words.code == 0, by_image.err + by_words.err
    assert by_image.lines[0]["path"] == "photo-05.jpg"
    assert by_image.lines[0]["score"] == pytest.approx(1, abs=1e-5)
    assert by_image.lines[1]["score"] < 0.9999
    found = {line["path"] for line in by_words.lines[:-1]}
    assert {path.partition("-")[0] for path in found} == {"photo", "notes"}


def test_the_score_of_words_and_an_image_is_that_of_the_whole_model(
    made: Callable[[str], Vecstream],
) -> None:
    vecstream = made("siglip")
    found = search(vecstream, "a red coat", "-k", 20).lines[:-1]
    photos = [line for line in found if line["path"].startswith("photo")]

    words = their_texts(vecstream.model, ["a red coat"])[0]
    theirs = their_images(
        vecstream.model, [vecstream.folder / "album" / line["path"] for line in photos]
    )

    scores = theirs @ words / np.linalg.norm(theirs, axis=1) / np.linalg.norm(words)
    assert [line["score"] for line in photos] == pytest.approx(scores.tolist(), abs=1e-4)


def test_a_model_is_not_searched_by_what_it_cannot_read(
    made: Callable[[str], Vecstream], vecstream: Vecstream
) -> None:
    photo = made("dinov2").folder / "album" / "photo-00.png"
    (vecstream.folder / "a.md").write_text("words")
    vecstream.index("a.md")

    by_words = search(made("dinov2"), "a red coat")
    by_image = search(vecstream, "--image", photo)
    by_text_file = search(made("clip"), "--image", vecstream.folder / "a.md")
    by_nothing = search(made("clip"))
    by_both = search(made("clip"), "words", "--image", photo)
    by_image_alone = search(made("dinov2"), "--image", photo)

    assert [by_words.code, by_image.code, by_text_file.code, by_nothing.code, by_both.code] == [
        2
    ] * 5
    assert "reads images only" in by_words.err
    assert "reads text only" in by_image.err
    assert "is no image" in by_text_file.err
    assert by_image_alone.lines[0]["path"] == "photo-00.png"


def test_a_second_run_does_nothing(album: Vecstream) -> None:
    done = album.index("album", "--source", "album")

    assert (done.code, done.summary["documents_unchanged"]) == (0, 17)
    assert done.summary["chunks_embedded"] == done.summary["chunks_written"] == 0


def test_only_the_edited_image_is_embedded_and_a_renamed_one_is_not(album: Vecstream) -> None:
    before = {row["path"]: row["vector"] for row in album.rows()}
    paint(album.folder / "album" / "photo-03.jpg", 99)
    (album.folder / "album" / "photo-04.png").rename(album.folder / "album" / "moved.png")
    with Image.open(album.folder / "album" / "photo-06.png") as same_pixels:
        same_pixels.save(album.folder / "album" / "photo-06.png", optimize=True, compress_level=1)

    done = album.index("album", "--source", "album")

    assert done.code == 0, done.err
    counts = {name: done.summary[f"documents_{name}"] for name in ("new", "changed", "removed")}
    assert counts == {"new": 1, "changed": 2, "removed": 1}
    assert (done.summary["images_embedded"], done.summary["chunks_reused"]) == (1, 2)
    after = {row["path"]: row["vector"] for row in album.rows()}
    assert after["moved.png"] == before["photo-04.png"]
    assert after["photo-06.png"] == before["photo-06.png"]
    assert after["photo-03.jpg"] != before["photo-03.jpg"]


@pytest.mark.parametrize("point", ["slot.filled:2", "slot.embedded:1", "rows.acknowledged:1"])
def test_a_killed_run_goes_on_to_the_same_table(
    made: Callable[[str], Vecstream], tmp_path: Path, point: str
) -> None:
    vecstream = Vecstream(tmp_path, made("clip").model)
    shutil.copytree(made("clip").folder / "album", tmp_path / "album")
    kill = {"_VECSTREAM_KILL_LOG": str(tmp_path / "points"), "_VECSTREAM_KILL_AT": point}

    killed = vecstream.index("album", "--source", "album", **kill)
    done = vecstream.index("album", "--source", "album")

    # A parser is replaced; the death of the others ends the run.
    assert (killed.code == 0) == point.startswith("slot.filled")
    assert done.code == 0, done.err
    assert vecstream.rows(*FACTS) == made("clip").rows(*FACTS)
    ours = [np.array(row["vector"]) for row in vecstream.rows()]
    theirs = [np.array(row["vector"]) for row in made("clip").rows()]
    assert min(float(a @ b) for a, b in zip(ours, theirs, strict=True)) >= AGREE


@pytest.mark.thorough
def test_an_interrupted_run_of_images_goes_on(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    vecstream = Vecstream(tmp_path, models("clip"))
    write_album(tmp_path / "album", images=300)
    run = vecstream.start("album", "--buffer", "4")
    while not run.lines("document"):
        assert run._process.poll() is None
    run.send(signal.SIGINT)

    stopped = run.finish()
    done = vecstream.index("album")

    assert (stopped.code, done.code) == (130, 0), done.err
    indexed = stopped.summary["documents_new"], done.summary["documents_new"]
    assert sum(indexed) == 303
    assert indexed[1] < 303
    assert len(images_of(vecstream.rows())) == 300


def test_images_that_cannot_be_read_cost_only_themselves(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    vecstream = Vecstream(tmp_path, models("clip"))
    write_album(tmp_path / "album", images=3)
    paint(tmp_path / "album" / "whole.png", 7)
    data = (tmp_path / "album" / "whole.png").read_bytes()
    (tmp_path / "album" / "torn.png").write_bytes(data[: len(data) // 2])
    bomb = data[:16] + (50_000).to_bytes(4, "big") * 2 + data[24:]
    (tmp_path / "album" / "bomb.png").write_bytes(bomb)

    done = vecstream.index("album")

    assert (done.code, done.summary["documents_new"]) == (3, 7)
    failed = {line["path"]: line["reason"] for line in done.lines if line.get("reason")}
    assert failed.keys() == {"torn.png", "bomb.png"}
    assert failed["torn.png"] == "malformed"


@pytest.mark.thorough
def test_large_images_stay_under_the_ceiling(models: Callable[[str], Path], tmp_path: Path) -> None:
    vecstream = Vecstream(tmp_path, models("clip"))
    (tmp_path / "album").mkdir()
    for number in range(24):
        paint(tmp_path / "album" / f"{number}.png", number, (3000, 2000))
    refused = vecstream.index("album", "--max-memory", "100M")
    least = re.search(r"--max-memory (\d+)M", refused.err)
    assert least, refused.err

    done = vecstream.index("album", "--max-memory", f"{least[1]}M")

    assert (refused.code, done.code) == (14, 0), done.err
    assert done.summary["images_embedded"] == 24
    assert done.summary["peak_memory_bytes"] < int(least[1]) << 20


def check(vecstream: Vecstream, *arguments: str) -> Finished:
    command = [sys.executable, "-m", "vecstream_cli", "check", "--sample", "100%", *arguments]
    return vecstream.run([*command, "--json", "--db-uri", str(vecstream.database)])


@pytest.mark.thorough
def test_check_embeds_images_again_from_their_files(album: Vecstream) -> None:
    import lancedb

    album.index("album", "--source", "album")  # notes where the folder lies now
    whole = check(album)
    table = lancedb.connect(str(album.database)).open_table("documents")
    table.update("path = 'photo-00.png'", {"vector": [1.0] + [0.0] * 31})
    paint(album.folder / "album" / "photo-01.jpg", 77)
    (album.folder / "album" / "photo-02.png").unlink()

    found = check(album)
    mended = check(album, "--repair")
    after = check(album)

    assert (whole.code, whole.summary["differences"]) == (0, 0), whole.err
    assert whole.summary["rows_sampled"] == len(album.rows())
    assert (whole.summary["images_not_sampled"], found.summary["images_not_sampled"]) == (0, 2)
    kinds = [line["kind"] for line in found.lines if line["type"] == "difference"]
    assert kinds == ["vector-differs"]
    assert found.summary["worst_path"] == "photo-00.png"
    assert mended.summary["differences"] == 1
    assert after.summary["differences"] == 0


@pytest.mark.thorough
def test_check_finds_the_images_that_lie_in_archives(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    vecstream = Vecstream(tmp_path, models("clip"))
    paint(tmp_path / "inner.png", 5)
    (tmp_path / "album").mkdir()
    with zipfile.ZipFile(tmp_path / "album" / "photos.zip", "w") as archive:
        archive.write(tmp_path / "inner.png", "inner.png")
    vecstream.index("album", "--source", "album", "--archives")

    found = check(vecstream)

    assert [row["path"] for row in vecstream.rows() if not row["text"]] == ["photos.zip"]
    assert (found.code, found.summary["differences"]) == (0, 0), found.out
    assert found.summary["images_not_sampled"] == 0


def test_images_inside_of_documents_are_rows_of_theirs_while_the_switch_is_on(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    vecstream = Vecstream(tmp_path, models("clip"))
    write_album(tmp_path / "album", images=2)
    for number in range(3):
        paint(tmp_path / f"page-{number}.png", 50 + number, (300, 200))
    pages = [Image.open(tmp_path / f"page-{number}.png") for number in range(3)]
    pages[0].save(tmp_path / "album" / "scan.pdf", save_all=True, append_images=pages[1:])

    taken = vecstream.index("album", "--embedded-images")
    rows = [row for row in vecstream.rows() if row["path"] == "scan.pdf"]
    again = vecstream.index("album", "--embedded-images")
    found = search(vecstream, "--image", tmp_path / "page-1.png", "-k", 1)
    left = vecstream.index("album")

    assert (taken.code, taken.summary["images_embedded"]) == (0, 5), taken.err
    assert [row["page"] for row in rows] == [1, 2, 3]
    assert [json.loads(row["position"])["image"] for row in rows] == [1, 1, 1]
    assert again.summary["chunks_embedded"] == again.summary["chunks_written"] == 0
    assert (found.lines[0]["path"], found.lines[0]["page"]) == ("scan.pdf", 2)
    assert left.summary["documents_changed"] == 1
    assert "scan.pdf" not in {row["path"] for row in vecstream.rows()}


def test_embedded_images_ask_for_a_model_that_reads_them(vecstream: Vecstream, docs: Path) -> None:
    done = vecstream.index(docs, "--embedded-images")

    assert done.code == 2
    assert "needs a model that reads images" in done.err
    assert not vecstream.database.exists()


SCRIPT = """
import sys
from vecstream_cli import Database, EmbeddingModel, embed_image_directory, search

model = EmbeddingModel.from_pretrained({model!r})
done = embed_image_directory({album!r}, embedder=model, adapter=Database(uri={database!r}))
hits = search(image={album!r} + "/photo-02.png", db_uri={database!r}, k=1)
print(done.documents_new, done.images_embedded, hits[0].path)
"""


def test_a_folder_of_images_is_embedded_from_python(
    models: Callable[[str], Path], tmp_path: Path
) -> None:
    write_album(tmp_path / "album", images=4)
    (tmp_path / "album" / "photo-03.jpg").rename(tmp_path / "album" / "PHOTO-03.JPG")
    code = SCRIPT.format(
        model=str(models("clip")), album=str(tmp_path / "album"), database=str(tmp_path / "db")
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100,
        cwd=tmp_path, env=dict(os.environ), check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4", "4", "photo-02.png"]
