"""Reading an exported window again, and adding the events that were late."""

import functools
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from synclog.api.rounds import counts_from
from synclog.api.run import RunSpec
from synclog.api.source import SourceFormat
from synclog.exporter.compare import Key, Served, Vanished, key_of, late
from synclog.exporter.errors import ConfigurationError, IntegrityError, SourceError
from synclog.exporter.ledger import Content, Head, Ledger, Recheck
from synclog.exporter.ledger.history import contents, touched
from synclog.exporter.ledger.rules import text_of, window_of, windows_of
from synclog.exporter.parts import write_parts
from synclog.exporter.pipeline.evidence import evidence_of
from synclog.exporter.pipeline.outcome import Outcome
from synclog.exporter.pipeline.settling import rounds_had, settle
from synclog.exporter.pipeline.shaping import Shaped, shaped
from synclog.exporter.pipeline.site import Site
from synclog.exporter.records import events, stored, timestamps_of
from synclog.exporter.source.digest import combine, multiset_sum, to_hex
from synclog.exporter.spool import RecordSpool
from synclog.windows import HOUR, Instant, Window, Windows, format_time, parse_duration

_ATTEMPTS = 5
"""How often a comparison is made anew because another exporter added to the same window."""


def recheck_window(
    spec: RunSpec, window: Window, site: Site, ledger: Ledger, head: Head
) -> Outcome:
    """Recheck what of a window is exported and did not have this round yet.

    Raises:
        ConfigurationError: the spec names no round.
        NotSettledError: the window is too young for the round.
        SourceError: the source failed.
        DestinationError: the destination failed.
        IntegrityError: the source's columns changed, or a part is missing or damaged.
        Interrupted: the process was told to stop.
    """
    try:
        age = counts_from(spec.recheck, window) - window.end
    except ValueError as error:
        raise ConfigurationError("InvalidRunSpec", f"recheck: {error}") from error
    due = windows_of(head.so_far.coverage) & Windows([window])
    due -= windows_of(head.so_far.rechecked.get(spec.recheck, []))
    if not due:
        return Outcome(head, "AlreadyCovered", f"{window} needs no {spec.recheck} recheck any more")
    settle(window, max(age, parse_duration(spec.settle_delay)), site)
    job = _Recheck(spec, site, ledger, head)
    too_late = due & Windows([Window(window.start - 1, max(job.edge(), window.start))])
    due -= too_late
    if not due:
        return Outcome(
            head,
            "RecheckTooLate",
            f"the source keeps {spec.source.retention} and forgets {window}: nothing to compare",
        )
    for piece in due:
        job.run(piece)
    return job.outcome(window, too_late)


class _Moved(Exception):  # noqa: N818 - a signal within this module, not an error
    """Raised when another exporter added to the window that is being compared."""


class _Recheck:
    """The steps for windows that are exported and due."""

    def __init__(self, spec: RunSpec, site: Site, ledger: Ledger, head: Head) -> None:
        self._spec = spec
        self._site = site
        self._ledger = ledger
        self._head = head
        self._records: list[Recheck] = []

    def edge(self) -> Instant:
        """What is before this instant may be forgotten while it is read: it proves nothing."""
        return self._forgotten() + HOUR

    def run(self, window: Window) -> None:
        """Compare a window, and commit what was found."""
        for _ in range(_ATTEMPTS):
            self._head = self._ledger.newest(self._head)
            with (
                RecordSpool(self._site.spool_folder) as served,
                RecordSpool(self._site.spool_folder) as additions,
            ):
                record = self._compare(window, served, additions)
                try:
                    self._head, fresh = self._ledger.append(
                        self._head, functools.partial(self._still, record)
                    )
                except _Moved:
                    continue
                if fresh:
                    self._records.append(record)
                return
        raise SourceError(
            "RecheckOvertaken",
            f"other exporters keep adding to {window} while it is compared: try again",
        )

    def outcome(self, window: Window, too_late: Windows) -> Outcome:
        """What became of it all."""
        late = sum(record.content.events for record in self._records)
        vanished = sum(record.vanished for record in self._records)
        message = f"{late} late events of {window} are added"
        if vanished:
            message += f"; {vanished} events that were exported are gone at the source, and stay"
        if too_late:
            edge = format_time(list(too_late)[-1].end)
            message += f"; the source may have forgotten what is before {edge}: it is not compared"
        return Outcome(
            self._head,
            "Rechecked",
            message,
            [record.content for record in self._records],
            late=late,
        )

    def _still(self, record: Recheck, head: Head) -> Recheck | None:
        """The record, if it still holds for a head that has grown."""
        window = window_of(record.window)
        had = head.so_far.rechecked
        if all(windows_of(had.get(name, [])).covers(window) for name in record.rounds):
            return None
        if touched(self._ledger, since=record.against, head=head, window=window):
            raise _Moved
        return record

    def _compare(self, window: Window, served: RecordSpool, additions: RecordSpool) -> Recheck:
        self._site.check()
        rounds = rounds_had(window, [self._spec.recheck, *self._spec.rounds], self._site)
        reading = self._site.reader.read(window, served, self._site.progress)
        if self._forgotten() > window.start:
            raise SourceError("RetentionOvertakes", f"the source forgot {window} while it was read")
        with shaped(self._spec, reading, served, self._site) as now:
            return self._difference(window, rounds, now, additions)

    def _difference(
        self, window: Window, rounds: list[str], now: Shaped, additions: RecordSpool
    ) -> Recheck:
        head = self._head
        before = contents(self._ledger, head, window)
        columns = {column for _, content in before for column in content.columns}
        if now.form is SourceFormat.CSV:
            _check_columns(columns, now.content, window)
        vanished = Vanished()
        found = late(
            self._archived((content for _, content in before), window),
            self._served(now),
            vanished,
            expected=max(now.content.events, sum(content.events for _, content in before)),
            folder=self._site.spool_folder,
        )
        content = _added(found, now, additions)
        if vanished.count and content.events:
            # Keys of JSON records come and go with their values. It is another form of record
            # only where what was there before comes again as something else.
            _check_columns(columns, now.content, window)
        parts = write_parts(
            self._site.destination,
            additions,
            window=window,
            header=now.header,
            source_format=now.form,
            output=self._spec.output,
            check=self._site.check,
            label=f"late{head.number}_",
        )
        return Recheck(
            window=text_of(window),
            rounds=rounds,
            against=head.number,
            served=now.content.events,
            vanished=vanished.count,
            vanished_digest=vanished.hexdigest(),
            content=replace(content, parts=parts),
            evidence=evidence_of(now.reading, self._site.destination, parts) | now.served,
        )

    def _archived(self, found: Iterable[Content], window: Window) -> Iterator[Key]:
        form = self._head.identity.stored_form
        for content in found:
            timestamps = timestamps_of(content)
            for batch in stored(self._site.destination, content, form):
                self._site.check()
                for event in events(batch, timestamps):
                    if event.instant in window:
                        yield key_of(event)

    def _served(self, now: Shaped) -> Iterator[Served]:
        timestamps = timestamps_of(now.content)
        for batch in now.batches():
            self._site.check()
            for event in events(batch, timestamps):
                yield Served(key_of(event), event.instant, event.record)

    def _forgotten(self) -> Instant:
        clock = self._site.reader.server_time()
        return clock.server - parse_duration(self._spec.source.retention)


def _added(found: Iterable[Served], now: Shaped, additions: RecordSpool) -> Content:
    count = total = 0
    instants: set[Instant] = set()
    for each in found:
        additions.write(each.record + now.line_end)
        count += 1
        total = combine(total, multiset_sum([each.record]))
        instants = {min(instants | {each.instant}), max(instants | {each.instant})}
    return replace(
        now.content,
        events=count,
        bytes=additions.tell(),
        digest=to_hex(total),
        first=format_time(min(instants)) if instants else "",
        last=format_time(max(instants)) if instants else "",
    )


def _check_columns(before: set[str], served: Content, window: Window) -> None:
    now = set(served.columns)
    if before and now and before != now:
        raise IntegrityError(
            "SourceSchemaChanged",
            f"the source's records of {window} had the columns {_listed(before)} and have "
            f"{_listed(now)} now: they cannot be compared; nothing was added",
        )


def _listed(columns: set[str]) -> str:
    return ", ".join(sorted(columns))
