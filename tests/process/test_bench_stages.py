"""The stages alone: what they count is what was really done, and what dies is heard of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_documents

from vecstream_cli.api.bench.child import in_child
from vecstream_cli.api.bench.choosing import documents_for, first_documents
from vecstream_cli.api.bench.embedding import embed_alone
from vecstream_cli.api.bench.reading import Read, Reading, read_alone
from vecstream_cli.api.bench.sequential import Sequential, sequential
from vecstream_cli.api.index import configure
from vecstream_cli.errors import StageDied, UsageError
from vecstream_cli.models.resolve import resolve
from vecstream_cli.models.tokenizer import Tokenizer
from vecstream_cli.settings import Settings


def settings_of(tmp_path: Path, model: Path, documents: int = 6, **options: int) -> Settings:
    folder = tmp_path / "docs"
    write_documents(folder, documents)
    uri = str(tmp_path / "db.lance")
    return Settings(paths=(folder,), model=str(model), db_uri=uri, **options)  # type: ignore[arg-type]


def reading(tmp_path: Path, settings: Settings) -> Read:
    spec = resolve(settings.model)
    first = first_documents(settings, tmp_path)
    return read_alone(
        Reading(
            documents=first.documents,
            tokenizer_file=spec.tokenizer_file,
            max_tokens=spec.max_tokens,
            prompt="",
            chunk_size=64,
            chunk_overlap=0,
            seconds=0.1,
            sample=tmp_path / "chunks.npz",
        )
    )


def chunks_of(tmp_path: Path) -> dict[str, Any]:
    with np.load(tmp_path / "chunks.npz") as found:
        return dict(found)


def test_the_chunks_left_for_the_other_stages_are_model_inputs(
    tmp_path: Path, tiny_model: Path
) -> None:
    # given a folder that was read
    read = reading(tmp_path, settings_of(tmp_path, tiny_model))
    found = chunks_of(tmp_path)
    ids = np.split(found["ids"], found["id_ends"])[:-1]
    text = found["text"].tobytes()
    # then each chunk's ids are those of its text, and the histogram counts all of them
    tokenizer = Tokenizer.load(tiny_model / "tokenizer.json", max_tokens=64)
    start = 0
    for chunk, end in zip(ids, found["text_ends"], strict=True):
        assert chunk.tolist() == tokenizer.exact_ids(text[start:end].decode()).tolist()
        start = end
    lengths = read.lengths
    assert lengths.chunks == sum(lengths.counts) == len(ids) == read.chunks
    assert lengths.tokens == len(found["ids"])


def test_inference_alone_embeds_what_it_says(tmp_path: Path, tiny_model: Path) -> None:
    # given the ring's own inference process
    settings = settings_of(tmp_path, tiny_model)
    reading(tmp_path, settings)
    config = configure(settings, resolve(settings.model))
    # when it is fed for a moment
    alone = embed_alone(config, tmp_path / "chunks.npz", 0.5)
    # then it counted several windows, of chunks as long as those of the sample
    chunks, tokens, padding = alone.stage.measures
    assert len(chunks.values) == len(tokens.values) >= 3
    mean = np.diff(chunks_of(tmp_path)["id_ends"]).mean()
    assert tokens.middle / chunks.middle == pytest.approx(mean, rel=0.3)
    assert 0 <= padding.middle < 100
    assert alone.facts["device"] == "cpu"
    assert alone.load_seconds > 0


def test_the_traditional_way_goes_through_its_phases_in_turn(
    tmp_path: Path, tiny_model: Path
) -> None:
    settings = settings_of(tmp_path, tiny_model)
    first = first_documents(settings, tmp_path)
    config = configure(settings, resolve(settings.model))
    run = sequential(Sequential(first.documents, "here", config))
    assert [phase.name for phase in run.phases] == ["parse", "load", "embed", "write"]
    ends = [phase.end for phase in run.phases]
    assert ends == sorted(ends)
    assert ends[-1] == run.seconds
    # nothing can be found before everything is embedded
    assert run.first_rows_seconds is not None
    assert run.first_rows_seconds > run.phases[2].end
    assert run.documents == 6
    assert run.rows == run.chunks > 6


def test_a_sample_of_a_folder_is_the_same_every_time(tmp_path: Path, tiny_model: Path) -> None:
    # given a folder of more documents than may be taken
    settings = settings_of(tmp_path, tiny_model, documents=30, limit=8)
    first, again = (first_documents(settings, tmp_path) for _ in range(2))
    assert first == again
    assert len(first.documents) == 8
    assert not first.whole
    # then fewer of them are the first of these, and at least one
    any_number = replace(settings, limit=None)
    fewer = documents_for(first, any_number, first.bytes // 2, 1.0).documents
    assert 1 < len(fewer) < 8
    assert fewer == first.documents[: len(fewer)]
    assert len(documents_for(first, any_number, 0, 1.0).documents) == 1


def test_a_process_that_dies_is_an_error() -> None:
    with pytest.raises(StageDied, match="killed by SIGKILL"):
        in_child("bench_children:dies", None)


def test_an_error_of_a_process_is_raised_as_its_own() -> None:
    with pytest.raises(UsageError, match="It cannot be") as raised:
        in_child("bench_children:fails", None)
    assert raised.value.hint == "Do not."
