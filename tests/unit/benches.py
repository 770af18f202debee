"""A made-up benchmark for the tests of core/ and report/: figures of the right shape and size."""

from dataclasses import replace
from math import sin
from typing import Any

from vecstream_cli.core.benchmark import (
    RECOMMENDED,
    RING,
    SEQUENTIAL,
    Advice,
    Bench,
    Corpus,
    Format,
    Host,
    Lengths,
    Measure,
    Phase,
    Run,
    Sample,
    StageAlone,
)

MIB = 1 << 20


def measure(name: str, unit: str, *values: float) -> Measure:
    return Measure(name=name, unit=unit, values=values)


def ring(seconds: float = 40.0, **changes: Any) -> Run:
    """A run of the ring that sampled itself twice a second."""
    samples = []
    for step in range(int(seconds * 2)):
        now = step / 2
        busy = min(1.0, max(0.0, (now - 3) / 2))
        embedded = int(max(0.0, now - 4) * 33)
        samples.append(
            Sample(
                seconds=now,
                memory_bytes=int(min(900, 180 + 240 * now) + 12 * sin(now)) * MIB,
                chunks_embedded=embedded,
                chunks_written=max(0, embedded - 64) // 160 * 160,
                tokens=embedded * 200,
                slots_free=max(0, 60 - int(now * 9)) + (step % 3),
                slots_parsing=2,
                slots_embedding=min(58, int(now * 9)),
                slots_writing=4 - step % 3,
                parse_busy=0.9 if now < 4 else 0.1 + 0.05 * sin(now),
                embed_busy=busy * 0.98,
                write_busy=0.02 + 0.02 * (step % 5 == 0),
            )
        )
    run = Run(
        way=RING,
        seconds=seconds,
        rows=1180,
        documents=160,
        failed=1,
        chunks=1180,
        tokens=236_000,
        padded_tokens=0,
        peak_memory_bytes=915 * MIB,
        max_memory_bytes=2048 * MIB,
        model_load_seconds=2.1,
        first_rows_seconds=5.4,
        embed_seconds=seconds - 5,
        parse_busy=0.14,
        embed_busy=0.985,
        write_busy=0.03,
        limited_by="embed",
        samples=tuple(samples),
    )
    return replace(run, **changes)


def sequential(seconds: float = 52.0, **changes: Any) -> Run:
    """A run of the traditional way."""
    samples = []
    for step in range(int(seconds * 2)):
        now = step / 2
        embedded = int(min(1180.0, max(0.0, (now - 6) * 28)))
        samples.append(
            Sample(
                seconds=now,
                memory_bytes=int(120 + 60 * min(now, 3) + 8 * now + 260 * (now > 4)) * MIB,
                chunks_embedded=embedded,
                chunks_written=1180 if now > seconds - 1 else 0,
                tokens=embedded * 200,
                parse_busy=float(now < 3),
                embed_busy=float(6 < now < seconds - 2),
                write_busy=float(now > seconds - 2),
            )
        )
    run = Run(
        way=SEQUENTIAL,
        seconds=seconds,
        rows=1180,
        documents=160,
        failed=1,
        chunks=1180,
        tokens=236_000,
        padded_tokens=0,
        peak_memory_bytes=990 * MIB,
        model_load_seconds=2.9,
        first_rows_seconds=seconds - 0.8,
        embed_seconds=seconds - 8,
        phases=(Phase(name="parse", start=0.0, end=3.0),),
        samples=tuple(samples),
    )
    return replace(run, **changes)


def bench(**changes: Any) -> Bench:
    """A benchmark with one run of each way."""
    made = Bench(
        vecstream="0.1.0",
        started="2026-11-22T12:00:00+00:00",
        seconds=143.0,
        host=Host(
            cpu="Made-up CPU 9000",
            cores=2,
            memory_bytes=8 << 30,
            cgroup_bytes=4 << 30,
            system="Debian GNU/Linux 12, Linux 6.1 x86_64",
            python="CPython 3.11.9",
            load=0.1,
        ),
        versions={"torch": "2.13.0", "lancedb": "0.40.0"},
        settings={"model": "minilm", "device": "cpu", "precision": "fp32", "parsers": 2},
        corpus=Corpus(
            name="generated corpus",
            generated=True,
            whole=True,
            digest="0123456789abcdef",
            documents=161,
            bytes=2_400_000,
            formats=(
                Format(name="md", documents=100, bytes=800_000),
                Format(name="pdf", documents=61, bytes=1_600_000),
            ),
            lengths=Lengths(
                chunks=1180,
                tokens=236_000,
                p5=121,
                p50=212,
                p95=254,
                edges=tuple(range(0, 272, 16)),
                counts=(0, 2, 6, 9, 14, 22, 31, 40, 66, 80, 110, 140, 170, 190, 200, 100),
            ),
        ),
        stages=(
            StageAlone(
                stage="scan",
                of="",
                work="5,000 files",
                measures=(measure("files", "/s", 81_000, 82_000, 84_000),),
            ),
            StageAlone(
                stage="parse",
                of="pdf",
                work="30 documents, 1.4 MB, 200 pages",
                measures=(
                    measure("pages", "/s", 360, 350, 340),
                    measure("docs", "/s", 60, 58, 57),
                    measure("size", "MB/s", 3.0, 2.9, 2.8),
                ),
            ),
            StageAlone(
                stage="chunk",
                of="",
                work="100 documents, 700 chunks",
                measures=(
                    measure("tokens", "/s", 410_000, 400_000, 390_000),
                    measure("chunks", "/s", 2050, 2000, 1950),
                ),
                chunks_per_second=1400.0,
            ),
            StageAlone(
                stage="embed",
                of="",
                work="400 chunks, 80,000 tokens",
                measures=(
                    measure("chunks", "/s", 34, 35, 36),
                    measure("tokens", "/s", 6800, 7000, 7200),
                    measure("padding", "%", 0.0),
                ),
                chunks_per_second=35.0,
            ),
            StageAlone(
                stage="write",
                of="lance append",
                work="4 batches of 4,096 rows",
                measures=(measure("rows", "/s", 90_000, 110_000, 100_000),),
                chunks_per_second=100_000.0,
            ),
            StageAlone(
                stage="write",
                of="lance merge",
                work="4 batches of 4,096 rows",
                measures=(measure("rows", "/s", 40_000, 45_000, 41_000),),
                chunks_per_second=41_000.0,
            ),
        ),
        runs=(ring(), ring(39.0, way=RECOMMENDED), sequential()),
        limit="embed",
        advice=(
            Advice(key="parsers", value=2, why="one parser is enough"),
            Advice(key="max-memory", value="1536M", why="the peak was 915 MiB"),
        ),
    )
    return replace(made, **changes)
