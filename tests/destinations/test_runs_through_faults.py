"""Whatever a store does to a run: nothing half is visible, and the next run completes it.

The windows are large enough for several parts, which are on their way side by side.
"""

import threading
from collections import Counter
from urllib.parse import unquote

import pytest
from msgspec.structs import replace

from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import running
from devcluster.code42.truth import from_json_lines
from support.cutting import cutting
from support.stores import lost_answer, refusal, reset
from synclog.api.destination import Destination as DestinationSpec
from synclog.api.output import Compression, Output
from synclog.api.run import ExitCode, Owner, Purpose, RunSpec, SpanText
from synclog.api.source import ApiClientAuth, Auth, Source
from synclog.exporter import pipeline
from synclog.exporter.destination import destination_of
from synclog.exporter.ledger import Ledger
from synclog.exporter.query import Archive
from synclog.exporter.source import SourceReader, SystemClock, load_credentials
from synclog.exporter.verify import Verdict, verify
from synclog.windows import DAY, Window, format_time

MIB = 1 << 20
PARTS = 3


@pytest.fixture(scope="module")
def source():
    with running(Behaviour(population=Population(events_per_day=20_000))) as simulated:
        yield simulated


class Runs:
    """Runs of one window into a store, in this process."""

    def __init__(self, source, store, folder):
        self.source, self.store, self.folder = source, store, folder
        today = source.now // DAY * DAY
        self.window = Window(today - 2 * DAY, today - DAY)
        (folder / "spool").mkdir()
        (folder / "source-auth").mkdir()
        (folder / "source-auth/clientId").write_text(source.client_id)
        (folder / "source-auth/clientSecret").write_text(source.client_secret)

    def open(self):
        destination = self.store.open()
        destination.part_size = MIB
        return destination

    def run(self, destination=None):
        span = SpanText(
            start=format_time(self.window.start), end=format_time(self.window.end), step_ms=DAY
        )
        auth = Auth(api_client=ApiClientAuth(secret_name="s"))
        spec = RunSpec(
            purpose=Purpose.WINDOW,
            owner=Owner(namespace="team", name="prod"),
            source=Source(url=self.source.url, auth=auth),
            destination=self.store.spec,
            output=Output(compression=Compression.NONE),
            coverage_start=format_time(self.window.start),
            span=span,
        )
        stop = threading.Event()
        credentials = load_credentials(auth, self.folder / "source-auth")
        with SourceReader(spec.source, credentials, ca_file=None, stop=stop) as reader:
            site = pipeline.Site(
                destination=destination or self.open(),
                reader=reader,
                spool_folder=self.folder / "spool",
                clock=SystemClock().now,
                stop=stop,
            )
            return pipeline.run(spec, site)

    def entries(self):
        head = Ledger(self.open(), clock=lambda: 0).head()
        return 0 if head is None else head.number + 1

    def settled(self):
        """The next run completes the window, and everything is there once."""
        self.store.proxy.faults.clear()
        result = self.run()
        assert result.reason in {"Exported", "AlreadyCovered"}, result.message
        report = verify(self.open(), clock=lambda: 0)
        assert (report.verdict, report.findings, report.litter) == (Verdict.COMPLETE, [], [])
        assert report.parts_checked == PARTS
        archive = Archive(self.open(), clock=lambda: 0)
        lines = b"".join(
            record + b"\n"
            for _, record in archive.events(self.window, folder=self.folder / "spool")
        )
        assert Counter(from_json_lines(lines)) == self.source.truth.multiset(self.window)


@pytest.fixture
def runs(source, store, tmp_path):
    return Runs(source, store, tmp_path)


FIRST = "ledger/00000000000000000000"
SECOND = "ledger/00000000000000000001"
LASTING = [
    ("_001_", refusal(503, "SlowDown"), ExitCode.DESTINATION, "DestinationBusy"),
    ("_001_", refusal(409, "ConditionalRequestConflict"), ExitCode.DESTINATION, "DestinationBusy"),
    ("_001_", refusal(412, "PreconditionFailed"), ExitCode.DESTINATION, "DestinationBusy"),
    ("_001_", refusal(507, "XMinioStorageFull"), ExitCode.DESTINATION, "DestinationFull"),
    ("_001_", reset, ExitCode.DESTINATION, "DestinationUnreachable"),
    ("_002_", refusal(400, "ExpiredToken"), ExitCode.AUTHORISATION, "CredentialsExpired"),
    ("_002_", refusal(404, "NoSuchBucket"), ExitCode.CONFIGURATION, "BucketMissing"),
    (FIRST, refusal(403, "AccessDenied"), ExitCode.AUTHORISATION, "DestinationDenied"),
    (SECOND, refusal(403, "AccessDenied"), ExitCode.AUTHORISATION, "DestinationDenied"),
    (SECOND, refusal(503, "SlowDown"), ExitCode.DESTINATION, "DestinationBusy"),
    (SECOND, reset, ExitCode.DESTINATION, "DestinationUnreachable"),
]


@pytest.mark.parametrize(("path", "fault", "code", "reason"), LASTING)
def test_what_lasts_ends_the_run_and_leaves_nothing_half(runs, path, fault, code, reason):
    runs.store.proxy.fault(fault, path=path, times=99)
    result = runs.run()
    assert (result.exit_code, result.reason) == (code, reason)
    runs.store.proxy.faults.clear()
    assert runs.entries() == (0 if path == FIRST else 1)
    runs.settled()


@pytest.mark.parametrize("path", ["_001_", SECOND])
@pytest.mark.parametrize("fault", [refusal(503, "SlowDown"), reset, lost_answer])
def test_what_passes_is_not_noticed(runs, path, fault):
    runs.store.proxy.fault(fault, path=path, times=2)
    result = runs.run()
    assert (result.reason, result.parts) == ("Exported", PARTS)
    assert runs.store.proxy.faults == []
    runs.settled()


def through(store, url):
    """The store, reached by another way."""
    fields = {
        kind: replace(spec, endpoint=spec.endpoint.replace(store.proxy.url, url))
        for kind in ("s3", "gcs", "azure_blob")
        if (spec := getattr(store.spec, kind)) is not None
    }
    destination = destination_of(DestinationSpec(**fields), auth=store.auth, ca_file=None)
    destination.part_size = MIB
    return destination


def test_connections_that_break_in_the_middle_of_a_part(runs):
    """What was sent of a part is not stored, and the part is sent again."""
    with cutting(runs.store.proxy.url) as cutter:
        cutter.cuts = [("up", MIB // 2)] * 3
        assert runs.run(through(runs.store, cutter.url)).reason == "Exported"
        assert cutter.cuts == []
    runs.settled()


def test_an_answer_that_breaks_off_is_never_taken_for_the_whole(runs):
    assert runs.run().reason == "Exported"
    with cutting(runs.store.proxy.url) as cutter:
        destination = through(runs.store, cutter.url)
        (part, *_) = (file for file in runs.open().files() if "_000_" in file.path)
        whole = b"".join(runs.open().blocks(part.path))
        cutter.cuts = [("down", MIB // 2)]
        assert b"".join(destination.blocks(part.path)) == whole, "it goes on where it broke off"
        assert cutter.cuts == []


def test_an_entry_says_what_protects_its_parts(runs):
    assert runs.run().reason == "Exported"
    entry, _ = Ledger(runs.open(), clock=lambda: 0).entry(1)
    (part, *_) = entry.record.content.parts
    asked = [request for request in runs.store.proxy.requests if part.path in unquote(request.path)]
    assert "HEAD" in {request.method for request in asked}
    found = entry.record.evidence["guarantee"]
    assert found["retention"] == "NotShown"
    assert found["creation"] in {name.lower() for name in asked[0].headers}
