"""The past: what the ledger holds, and how the runs so far ended."""

from dataclasses import dataclass

from synclog.api.run import Purpose
from synclog.api.status import HeldBack, LastRun
from synclog.planning import coverage, history
from synclog.planning.history import Ending, Result
from synclog.planning.intent import Intent
from synclog.planning.model import Observed, Run, RunState
from synclog.windows import Instant, Windows, format_seconds, parse_time

_ACCOUNTED = 256
"""Jobs that a status remembers as counted; the schema has the same bound."""


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that has happened, put together from the status and the runs that exist."""

    found: coverage.Known
    endings: tuple[Ending, ...]
    active: tuple[Run, ...]
    finished: tuple[Run, ...]
    """Runs that ended, oldest first."""
    failed: Windows
    """The gaps that the status remembers as tried, whether their runs still exist or not."""
    attempts: coverage.Attempts
    gone: tuple[str, ...]
    """Names of Jobs that were active and are not there any more."""
    accounted: tuple[str, ...]
    last_run: LastRun | None
    last_end: Instant | None
    last_success: str | None
    consecutive_failures: int
    held_back: HeldBack | None
    runs: dict[str, int]

    def held_until(self, generation: int, now: Instant) -> Instant | None:
        """Until when no run is to start, with a generation of the spec; None: it may start."""
        held = self.held_back
        if held is None or held.generation != generation:
            return None
        until = parse_time(held.until)
        # What ended in the future was told by a clock that was ahead.
        return until if parse_time(held.since) <= now < until else None


def account(observed: Observed, intent: Intent, now: Instant) -> Books:
    """Put together what the ledger holds, and count the runs that ended since the last look."""
    status, runs = observed.status, observed.runs
    told = set(status.accounted_jobs)
    ends = (
        history.ending(run, now, intent.pending_timeout, observed.generation)
        for run in runs
        if run.uid not in told
    )
    endings = tuple(sorted((end for end in ends if end), key=lambda end: (end.at, end.run.name)))
    over = told | {end.run.uid for end in endings}
    active = tuple(run for run in runs if run.state is RunState.ACTIVE and run.uid not in over)
    finished = sorted(
        (run for run in runs if run.uid in over), key=lambda run: run.finished or run.created
    )
    counts = dict(status.totals.runs if status.totals else {})
    failures = status.consecutive_failures
    last_run, last_success = status.last_run, status.last_successful_time
    held_back = status.held_back
    names = {run.name for run in runs}
    gone = [name for name in status.active if name not in names]
    for name in gone:
        last_run = history.vanished(name, now)
        history.count(counts, last_run.result, last_run.reason)
        failures += 1
    for end in endings:
        last_run = history.last_run(end)
        held_back = history.held_back(held_back, end)
        history.count(counts, last_run.result, last_run.reason)
        failures = 0 if end.result is Result.SUCCEEDED else failures + 1
        if end.result is Result.SUCCEEDED:
            last_success = format_seconds(end.at)
    return Books(
        found=coverage.known(status, [result for run in runs for result in run.results]),
        endings=endings,
        active=active,
        finished=tuple(finished),
        failed=coverage.failed_gaps(status),
        attempts=coverage.Attempts(
            before=coverage.remembered_attempts(status),
            new=tuple(
                coverage.Attempt(end.run.span, 1, end.at)
                for end in endings
                if end.run.purpose is Purpose.WINDOW and end.run.span is not None
            ),
        ),
        gone=tuple(gone),
        accounted=tuple(run.uid for run in finished)[-_ACCOUNTED:],
        last_run=last_run,
        last_end=parse_time(last_run.end) if last_run and last_run.end else None,
        last_success=last_success,
        consecutive_failures=failures,
        held_back=held_back,
        runs=counts,
    )
