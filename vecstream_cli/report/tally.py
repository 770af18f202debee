"""What a reporter remembers of a run until its summary: little, however long the run."""

from collections import Counter
from dataclasses import dataclass, field

from vecstream_cli.pipeline.events import (
    DocumentDone,
    Event,
    Notice,
    Outcome,
    RunStarted,
    Summary,
)

SHOWN = 10  # failures, and notices, that a summary lists; the rest are counted by reason


@dataclass(slots=True)
class Tally:
    """The plan, the first failures and notices, how many there were of each, the counts."""

    started: RunStarted | None = None
    summary: Summary | None = None
    failures: list[DocumentDone] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    failures_by_reason: Counter[str] = field(default_factory=Counter)
    notices_by_reason: Counter[str] = field(default_factory=Counter)

    def hear(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case RunStarted():
                self.started = event
            case Summary():
                self.summary = event
            case DocumentDone(outcome=Outcome.FAILED):
                self.failures_by_reason[event.reason or "unknown"] += 1
                if len(self.failures) < SHOWN:
                    self.failures.append(event)
            case Notice():
                self.notices_by_reason[event.reason] += 1
                if len(self.notices) < SHOWN:
                    self.notices.append(event)
