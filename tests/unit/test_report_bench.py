"""A benchmark as people see it: the table at every width, the page in itself."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from benches import bench, ring, sequential
from reports import console, written

from vecstream_cli.core.comparison import compare
from vecstream_cli.errors import UsageError
from vecstream_cli.report.bench_page import page_of
from vecstream_cli.report.bench_plots import must_be_installed, plots_of
from vecstream_cli.report.bench_table import print_bench, print_comparison

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would load, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.loads.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(bench())


def test_the_page_loads_nothing_from_anywhere(page: str) -> None:
    found = Page(page)
    assert all(target.startswith("#") for target in found.loads)
    assert not {"script", "link", "iframe", "img", "object"} & found.tags
    assert "@import" not in page
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", page))


def test_the_page_is_well_formed_and_its_ids_are_its_own(page: str) -> None:
    found = Page(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert {target.removeprefix("#") for target in found.loads} <= set(found.ids)


@pytest.mark.parametrize(
    "figure", ["memory", "throughput", "rows", "busy", "buffer", "alone", "lengths"]
)
def test_every_figure_is_on_the_page_in_both_widths(figure: str, page: str) -> None:
    start = page.index(f'<figure id="{figure}">')
    drawn = page[start : page.index("</figure>", start)]
    assert drawn.count("<svg") == 2
    assert drawn.count("<path") > 4


def test_every_colour_of_the_plots_changes_with_the_scheme(page: str) -> None:
    for plot in plots_of(bench()):
        for drawing in (plot.wide, plot.narrow):
            assert "var(--" in drawing
            assert not re.search(r"#[0-9a-f]{6}", drawing)
    light, dark = page.split("prefers-color-scheme: dark")[:2]
    names = set(re.findall(r"var\(--([a-z]+)\)", page)) - {"key"}
    assert all(f"--{name}:" in light and f"--{name}:" in dark for name in names)


def test_the_page_stays_small_however_long_the_run() -> None:
    # given runs of three hours, sampled twice a second
    long = bench(runs=(ring(10_800.0), sequential(10_800.0)))
    assert len(long.runs[0].samples) > 20_000
    # then the page is no larger than a photograph
    assert len(page_of(long)) < 1_500_000


def test_figures_verdict_and_settings_are_on_the_page(page: str) -> None:
    for text in (
        "Embedding limits this machine.",
        "lance append",
        "max-memory = &quot;1536M&quot;",
        "Made-up CPU 9000",
        "0123456789abcdef",
        "torch 2.13.0",
        "Both wrote the same 1,180 rows.",
    ):
        assert text in page


def test_a_page_of_the_ring_alone_speaks_of_nothing_else() -> None:
    assert "equential" not in re.sub(r"--sequential[^;]*;", "", page_of(bench(runs=(ring(),))))


def test_a_ceiling_far_above_is_told_in_words_so_that_the_curves_can_be_seen() -> None:
    words = "far above"
    assert words not in page_of(bench())
    assert words in page_of(bench(runs=(ring(max_memory_bytes=64 << 30),)))


def test_a_name_from_outside_cannot_become_markup() -> None:
    made = bench(settings={"model": "<script>alert(1)</script>\udcff"})
    found = page_of(made)
    assert "<script" not in found
    found.encode()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    target = console(width)
    print_bench(target, bench(runs=(ring(), sequential(), ring(44.0), sequential(50.0))))
    lines = written(target).splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    for part in ("Embedding limits this machine.", "lance append", "--max-memory 1536M", "digest"):
        assert part in text
    assert not any(line.endswith(("…", " ")) for line in lines)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Tried on the same documents: 39 s, where the ring took 40 s."),
        ({"advice": ()}, "Those it ran with: what else was tried was slower"),
        ({"advice": (), "limit": ""}, "None: there was too little to do."),
    ],
)
def test_recommended_settings_come_with_how_they_did(changes: dict[str, Any], words: str) -> None:
    target, made = console(), bench(**changes)
    print_bench(target, made)
    assert words in " ".join(written(target).split())
    assert words in page_of(made)


def test_too_few_documents_for_a_verdict_are_said_to_be_so() -> None:
    target = console()
    print_bench(target, bench(limit="", advice=(), runs=(ring(chunks=1),)))
    text = " ".join(written(target).split())
    assert text.startswith("These documents are too few to say what limits this machine.")
    assert "inference was busy" not in text


def test_what_the_ring_kept_of_the_speed_of_inference_alone_is_said() -> None:
    target = console()
    print_bench(target, bench())
    text = " ".join(written(target).split())
    assert "It embedded 6.7k tokens a second meanwhile, 96% of what inference does alone." in text


def test_runs_that_differ_among_themselves_and_a_busy_machine_are_reasons_to_doubt() -> None:
    # given runs in turn, of which one was disturbed, on a machine that was at work
    runs = (ring(40.0), sequential(42.0), ring(40.0), sequential(120.0))
    busy = replace(bench().host, load=1.6)
    target = console()
    print_bench(target, bench(runs=runs, host=busy))
    text = " ".join(written(target).split())
    # then the range is told instead of a middle, and why not to trust it
    assert "The sequential way took 1.05 to 3.00 times as long" in text
    assert "Runs of the same kind differ by 96%" in text
    assert "The machine had been busy when it began (load 1.6 on 2 cores)" in text
    # and nothing of it where there is no reason
    print_bench(target := console(), bench())
    assert "differ by" not in written(target)
    assert "had been busy" not in written(target)


def test_rows_that_are_not_the_same_are_said_to_be_so() -> None:
    target = console()
    print_bench(target, bench(runs=(ring(), sequential(rows=7))))
    assert "They did not write the same rows" in " ".join(written(target).split())


@pytest.mark.parametrize("width", [60, 80])
def test_a_comparison_fits_the_terminal_and_says_what_is_beyond_the_spread(width: int) -> None:
    slow = bench(runs=(ring(40.0), ring(41.0)))
    fast = bench(runs=(ring(20.0), ring(21.0)))
    target = console(width)
    print_comparison(target, compare(slow, fast))
    lines = written(target).splitlines()
    assert max(map(len, lines)) <= width
    total = next(line for line in lines if "ring total" in line)
    assert total.split()[-2:] == ["0.51", "better"]
    scan = next(line for line in lines if "scan files" in line)
    assert scan.endswith("within spread")


def test_of_other_documents_nothing_is_called_better_or_worse() -> None:
    slow, fast = bench(runs=(ring(40.0), ring(41.0))), bench(runs=(ring(20.0), ring(21.0)))
    other = replace(fast, corpus=replace(fast.corpus, digest="f" * 16))
    target = console(80)
    print_comparison(target, compare(slow, other))
    lines = written(target).splitlines()
    assert lines[0] == "What else differs"
    assert "other documents" in lines[1]
    assert next(line for line in lines if "ring total" in line).split()[-2:] == ["0.51", "differs"]
    assert not any(line.endswith(("better", "worse")) for line in lines)


def test_without_the_plotting_library_one_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="needs matplotlib, which is not installed") as raised:
        must_be_installed()
    assert "vecstream[report]" in raised.value.hint


def test_drawing_leaves_no_file_behind(tmp_path: Path) -> None:
    # given a home of nothing, and a program that draws
    program = (
        "from benches import bench\nfrom vecstream_cli.report.bench_page import page_of\n"
        "assert '<svg' in page_of(bench())"
    )
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    environment = {k: v for k, v in os.environ.items() if k != "MPLCONFIGDIR"} | places
    # when it has drawn
    subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parent, env=environment, timeout=60,
        check=True,
    )  # fmt: skip
    # then there is still nothing
    assert not list(tmp_path.rglob("*"))
