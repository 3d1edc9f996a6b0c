"""One run from its spec to its result. Whatever happens, a result says it."""

import logging
from contextlib import suppress

from synclog import __version__
from synclog.api.run import (
    FAILED,
    SUCCEEDED,
    ExitCode,
    Purpose,
    RunResult,
    RunSpec,
)
from synclog.exporter.errors import ConfigurationError, ExportError
from synclog.exporter.ledger import Head, Ledger, coverage
from synclog.exporter.ledger.rules import named, text_of
from synclog.exporter.pipeline.export import export_window
from synclog.exporter.pipeline.opening import open_ledger
from synclog.exporter.pipeline.outcome import Outcome
from synclog.exporter.pipeline.recheck import recheck_window
from synclog.exporter.pipeline.site import Site
from synclog.windows import Span, Window, format_time, parse_time, piece, pieces

log = logging.getLogger(__name__)


def _span_of(spec: RunSpec) -> tuple[Window, Span]:
    """The span of a spec, and the step that it is cut at.

    Raises:
        ConfigurationError: the span is missing or makes no sense.
    """
    if spec.span is None:
        raise ConfigurationError("InvalidRunSpec", "a window run needs a span: set span")
    if spec.span.step_ms <= 0:
        wrong = f"span.stepMs: {spec.span.step_ms} is too short: write 86400000 for 24h"
        raise ConfigurationError("InvalidRunSpec", wrong)
    try:
        span = Window(parse_time(spec.span.start), parse_time(spec.span.end))
    except ValueError as error:
        raise ConfigurationError("InvalidRunSpec", f"span: {error}") from error
    return span, spec.span.step_ms


def window_count(spec: RunSpec) -> int:
    """How many indexes a run of this spec has."""
    return 1 if spec.purpose is Purpose.INSPECT else pieces(*_span_of(spec))


def _window_at(spec: RunSpec, index: int) -> Window:
    span, step = _span_of(spec)
    count = pieces(span, step)
    if not 0 <= index < count:
        raise ConfigurationError(
            "InvalidRunSpec", f"index {index} is none of the span's {count} windows"
        )
    return piece(span, step, index)


class _Report:
    """What is known so far, for the result of a run that may fail at any step."""

    def __init__(self, spec: RunSpec, site: Site) -> None:
        self._spec = spec
        self._site = site
        self._started = site.clock()
        self._requests = site.reader.requests
        self.head: Head | None = None
        self.window: Window | None = None
        self.outcome: Outcome | None = None

    def result(self, *, outcome: str, reason: str, message: str, code: ExitCode) -> RunResult:
        contents = self.outcome.contents if self.outcome else ()
        parts = [part for content in contents for part in content.parts]
        head = self.head
        return RunResult(
            outcome=outcome,
            reason=reason,
            message=message,
            exit_code=code,
            purpose=self._spec.purpose,
            window=text_of(self.window) if self.window else None,
            events=sum(content.events for content in contents),
            bytes=sum(content.bytes for content in contents),
            stored_bytes=sum(part.stored_bytes for part in parts),
            parts=len(parts),
            late_events=self.outcome.late if self.outcome else 0,
            requests=self._site.reader.requests - self._requests,
            started=format_time(self._started),
            finished=format_time(self._site.clock()),
            version=__version__,
            ledger=head.told() if head else None,
            coverage=coverage.told(head) if head else None,
            totals=head.so_far.totals if head else None,
        )


def run(spec: RunSpec, site: Site, *, index: int = 0) -> RunResult:
    """Do what the spec says.

    Args:
        spec: what to do.
        site: source, destination, clocks.
        index: which window of the span.

    Returns:
        What became of it. Errors that are foreseen are results too; only an error that nobody
        foresaw is logged with its trace.
    """
    report = _Report(spec, site)
    ledger = Ledger(site.destination, clock=site.clock)
    try:
        outcome = _steps(spec, site, index, ledger, report)
    except ExportError as error:
        with suppress(ExportError):  # the first error is the one to tell
            if report.head:
                report.head = ledger.newest(report.head)
        return report.result(
            outcome=FAILED,
            reason=error.reason,
            message=error.message,
            code=error.exit_code,
        )
    except Exception as error:
        log.exception("unexpected error")
        return report.result(
            outcome=FAILED,
            reason="Unexpected",
            # The text of a foreign error may quote anything: the log has it, with the trace.
            message=f"{type(error).__name__}: see the pod's log, and report it as a bug",
            code=ExitCode.UNEXPECTED,
        )
    report.head = outcome.head
    report.outcome = outcome
    return report.result(
        outcome=SUCCEEDED,
        reason=outcome.reason,
        message=outcome.message,
        code=ExitCode.OK,
    )


def _steps(spec: RunSpec, site: Site, index: int, ledger: Ledger, report: _Report) -> Outcome:
    if spec.purpose is not Purpose.INSPECT:
        report.window = _window_at(spec, index)
    site.check()
    report.head = open_ledger(spec, site, ledger)
    match spec.purpose:
        case Purpose.INSPECT:
            site.destination.probe()
            return _inspected(report.head)
        case Purpose.WINDOW:
            assert report.window is not None
            return export_window(spec, report.window, site, ledger, report.head)
        case Purpose.RECHECK:
            assert report.window is not None
            return recheck_window(spec, report.window, site, ledger, report.head)


def _inspected(head: Head) -> Outcome:
    return Outcome(
        head,
        "Inspected",
        f"ledger {head.identity.id} of tenant {head.identity.tenant}, owned by "
        f"{named(head.so_far.owner)}, has {head.number + 1} entries",
    )
