"""The verifier tells apart what was changed, removed, forgotten and left over."""

import gzip
import json

import msgspec
import pytest

from synclog.api.run import LedgerHead
from synclog.exporter import pipeline
from synclog.exporter.destination import Volume
from synclog.exporter.errors import AuthorisationError, ConfigurationError, DestinationError
from synclog.exporter.ledger.entries import digest, path_of
from synclog.exporter.verify import Verdict, contents, verify
from synclog.windows import DAY, Window


@pytest.fixture
def archive(bench):
    """Three windows of six hours, with events, one part each."""
    bench.fill([(hour / 2, f"e{hour}") for hour in range(36)])
    for start in (0, 6, 12):
        run(bench, start, start + 6)
    return bench.destination


def run(bench, start, end):
    result = pipeline.run(bench.spec(bench.hours(start, end)), bench.site())
    assert result.reason == "Exported"
    return result


def check(archive, **how):
    return verify(archive, clock=lambda: 0, **how)


def reasons(report):
    return [(finding.reason, finding.entry) for finding in report.findings]


def parts(archive):
    return sorted(path for path in archive.content if not path.startswith("_"))


def rewrite(archive, number, change):
    """Change an entry; ``change`` gets and changes its JSON."""
    entry = json.loads(archive.content[path_of(number)])
    change(entry)
    archive.content[path_of(number)] = json.dumps(entry).encode()


def reforge(archive, first):
    """Make the chain behind an entry fit again, as a forger would."""
    for number in range(first + 1, 100):
        if path_of(number) not in archive.content:
            return
        previous = digest(archive.content[path_of(number - 1)])
        rewrite(archive, number, lambda entry, p=previous: entry.update(previous=p))


def test_a_whole_archive_is_complete(archive):
    report = check(archive)
    assert (report.verdict, report.findings, report.litter) == (Verdict.COMPLETE, [], [])
    assert (report.entries, report.parts_checked, report.events_checked) == (4, 3, 36)
    assert report.covered_until == report.coverage_end == "2026-05-30T18:00:00.000Z"
    assert report.proofs == {"framed": 3}


def test_an_archive_that_was_only_begun_is_not_complete(bench):
    young = bench.spec(bench.hours(1000, 1006))
    assert pipeline.run(young, bench.site()).reason == "NotSettled"
    report = check(bench.destination)
    assert (report.verdict, report.entries, report.findings) == (Verdict.GAPS, 1, [])


def test_no_archive(memory):
    assert reasons(check(memory())) == [("LedgerMissing", None)]


def test_a_gap_is_not_broken(bench, archive):
    run(bench, 20, 21)
    report = check(archive)
    assert (report.verdict, report.findings) == (Verdict.GAPS, [])
    [gap] = report.gaps
    assert (gap.start, gap.end) == ("2026-05-30T18:00:00.000Z", "2026-05-30T20:00:00.000Z")
    assert report.covered_until == gap.start


def test_what_was_lost_at_the_source_is_not_complete(bench, archive):
    oldest = bench.source.now - bench.source.retention
    pipeline.run(bench.spec(Window(oldest - DAY, oldest - 1000)), bench.site())
    report = check(archive)
    assert (report.verdict, len(report.lost), report.findings) == (Verdict.GAPS, 1, [])


@pytest.mark.parametrize("position", [0, 100, -9, -1])
def test_every_byte_of_a_part_counts(archive, position):
    path = parts(archive)[1]
    data = bytearray(archive.content[path])
    data[position] ^= 1
    archive.content[path] = bytes(data)
    report = check(archive)
    assert report.verdict is Verdict.BROKEN
    assert [(f.reason, f.entry, f.path) for f in report.findings] == [("PartDamaged", 2, path)]


def test_a_part_with_other_records_but_well_formed(archive):
    path = parts(archive)[1]
    plain = gzip.decompress(archive.content[path]).replace(b"e13", b"e99")
    archive.content[path] = gzip.compress(plain)
    assert reasons(check(archive)) == [("PartDamaged", 2)]


def test_an_entry_whose_counts_lie(archive):
    def more(entry):
        entry["record"]["content"]["events"] += 1
        entry["soFar"]["totals"]["events"] += 1

    rewrite(archive, 3, more)
    assert reasons(check(archive)) == [("ContentDiffers", 3)]


def test_an_entry_whose_digest_lies(archive):
    rewrite(archive, 3, lambda entry: entry["record"]["content"].update(digest="0" * 32))
    assert reasons(check(archive)) == [("ContentDiffers", 3)]


def test_a_changed_entry_breaks_the_chain(archive):
    rewrite(archive, 1, lambda entry: entry["record"]["evidence"].update(host="other"))
    assert reasons(check(archive)) == [("ChainBroken", 2)]


def test_a_forged_chain_must_still_add_up(archive):
    rewrite(
        archive, 1, lambda entry: entry["record"]["window"].update(end="2026-05-30T05:00:00.000Z")
    )
    reforge(archive, 1)
    found = reasons(check(archive))
    assert ("ChainBroken", 1) in found


def test_a_forged_chain_does_not_end_with_the_digest_that_was_seen(archive):
    head = check(archive).ledger
    rewrite(archive, 1, lambda entry: entry["record"]["evidence"].update(host="other"))
    reforge(archive, 1)
    assert check(archive).verdict is Verdict.COMPLETE
    assert reasons(check(archive, expected=head)) == [("LedgerRewritten", 3)]


def test_windows_that_overlap_are_found(archive):
    def stretch(entry):
        entry["record"]["window"]["start"] = "2026-05-30T05:00:00.000Z"

    rewrite(archive, 2, stretch)
    reforge(archive, 2)
    assert ("WindowOverlaps", 2) in reasons(check(archive))


def test_a_tail_that_was_cut_off(archive):
    head = check(archive).ledger
    del archive.content[path_of(3)]
    assert check(archive).verdict is Verdict.COMPLETE
    assert reasons(check(archive, expected=head)) == [("LedgerShorter", None)]


def test_another_ledger(archive):
    other = LedgerHead(id="other", head=0, digest="")
    assert reasons(check(archive, expected=other)) == [("LedgerReplaced", None)]


def test_a_hole_in_the_chain(archive):
    del archive.content[path_of(2)]
    report = check(archive)
    assert report.verdict is Verdict.BROKEN
    assert [(f.reason, f.path) for f in report.findings] == [("EntryMissing", path_of(3))]


def test_an_entry_that_cannot_be_read(archive):
    archive.content[path_of(2)] = b"{"
    assert reasons(check(archive))[0] == ("LedgerUnreadable", 2)


def test_the_oldest_parts_may_expire(archive):
    gone = parts(archive)[:2]
    for path in gone:
        del archive.content[path]
    report = check(archive)
    assert (report.verdict, report.findings, report.expired) == (Verdict.GAPS, [], gone)


@pytest.mark.parametrize("which", [1, 2])
def test_a_part_that_is_gone_while_older_ones_are_there_was_taken(archive, which):
    del archive.content[parts(archive)[which]]
    assert reasons(check(archive)) == [("PartMissing", which + 1)]


def test_an_archive_without_any_part_is_broken(archive):
    for path in parts(archive):
        del archive.content[path]
    assert len(check(archive).findings) == 3


def test_litter_is_reported_and_harmless(archive):
    archive.content["year=2026/month=05/day=30/stray.csv.gz"] = b"x"
    archive.content["_synclog/tmp/0123"] = b"x"
    report = check(archive)
    assert report.verdict is Verdict.COMPLETE
    assert report.litter == ["_synclog/tmp/0123", "year=2026/month=05/day=30/stray.csv.gz"]


def test_an_entry_that_names_a_file_outside_is_not_followed(archive):
    def climb(entry):
        entry["record"]["content"]["parts"][0]["path"] = "../../etc/passwd"

    rewrite(archive, 3, climb)
    assert ("UnsafePath", 3) in reasons(check(archive))


def test_the_ledger_alone_can_be_checked(archive):
    archive.content[parts(archive)[0]] = b"damaged"
    report = check(archive, read_parts=False)
    assert (report.verdict, report.parts_checked) == (Verdict.COMPLETE, 0)
    del archive.content[parts(archive)[1]]
    assert reasons(check(archive, read_parts=False)) == [("PartMissing", 2)]


def test_a_part_does_not_expire_before_the_others_of_its_entry(bench):
    bench.destination.part_size = 1 << 20
    bench.fill([(hour / 10_000, "x" * 60) for hour in range(30_000)])
    run(bench, 0, 6)
    first, *rest = parts(bench.destination)
    assert rest
    del bench.destination.content[first]
    report = check(bench.destination)
    assert ([each.path for each in report.findings], report.expired) == ([first], [])


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry["record"]["window"].update(start="yesterday"),
        lambda entry: entry["record"]["window"].update(end="2020-01-01T00:00:00.000Z"),
        lambda entry: entry["record"].update(rounds=["Tomorrow"]),
        lambda entry: entry["record"]["content"].update(timeZone="Mars/Olympus"),
        lambda entry: entry["record"]["content"].update(first="never"),
        lambda entry: entry["soFar"]["coverage"][0].update(end="never"),
        lambda entry: entry["soFar"].update(lost=[{"start": "x", "end": "y"}]),
        lambda entry: entry["soFar"].update(rechecked={"7d": [{"start": "x", "end": "y"}]}),
    ],
)
def test_an_entry_with_times_that_are_none_cannot_be_read(archive, change):
    rewrite(archive, 3, change)
    assert reasons(check(archive)) == [("LedgerUnreadable", 3)]


def test_an_identity_with_a_start_that_is_none_cannot_be_read(archive):
    rewrite(archive, 0, lambda entry: entry["record"].update(coverageStart="long ago"))
    assert ("LedgerUnreadable", 0) in reasons(check(archive))


@pytest.mark.parametrize("kind", [AuthorisationError, ConfigurationError, DestinationError])
@pytest.mark.parametrize("doing", ["read _synclog", "size year"])
def test_a_destination_that_cannot_be_read_says_nothing_about_the_archive(
    archive, monkeypatch, kind, doing
):
    left = [kind("Denied", "renew them")]

    def step(what):
        if what.startswith(doing) and left:
            raise left.pop()

    monkeypatch.setattr(archive, "step", step)
    with pytest.raises(kind):
        check(archive)


def test_names_that_others_made_up_say_nothing_of_their_own(archive):
    names = ["_synclog/ledger/².json", "_synclog/ledger/7.json", "a\n\nCOMPLETE \x1b[1m", "\udcff"]
    archive.content.update(dict.fromkeys(names, b""))
    report = check(archive)
    assert (report.verdict, report.findings) == (Verdict.COMPLETE, [])
    told = [*names[:2], "a\\n\\nCOMPLETE \\x1b[1m", "\\udcff"]
    assert sorted(report.litter) == sorted(told)
    assert msgspec.json.decode(msgspec.json.encode(report))["litter"] == report.litter


def test_a_folder_with_the_name_of_an_entry_or_a_part_breaks_the_archive(archive, tmp_path):
    for path, content in archive.content.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    volume = Volume(tmp_path)
    for path, number in ((parts(archive)[0], 1), (path_of(2), 2)):
        (tmp_path / path).unlink()
        (tmp_path / path).mkdir()
        assert ("UnsafePath", number) in reasons(check(volume))


def test_a_part_that_grows_without_an_end_is_not_read_to_it(archive, monkeypatch):
    path = parts(archive)[1]
    grown = gzip.decompress(archive.content[path]) + b"x" * (64 << 20)
    archive.content[path] = gzip.compress(grown)
    read = []
    whole = contents.batches

    def counted(blocks, form):
        return whole((read.append(len(block)) or block for block in blocks), form)

    monkeypatch.setattr(contents, "batches", counted)
    [found] = check(archive).findings
    assert (found.reason, found.message) == ("PartDamaged", "it holds more than was written")
    assert sum(read) < 1 << 20


def test_an_entry_that_is_nested_without_an_end_cannot_be_read(archive):
    deep = b'"proof": ' + b"[" * 100_000 + b"]" * 100_000
    entry = archive.content[path_of(2)]
    archive.content[path_of(2)] = entry.replace(b'"proof": "framed"', deep)
    assert ("LedgerUnreadable", 2) in reasons(check(archive))


def test_a_part_that_two_entries_name_is_not_once(archive):
    first = json.loads(archive.content[path_of(1)])

    def same(entry):
        before = entry["record"]["content"]
        entry["record"]["content"] = content = first["record"]["content"]
        totals = entry["soFar"]["totals"]
        for name in ("events", "bytes"):
            totals[name] += content[name] - before[name]
        stored = [sum(part["storedBytes"] for part in each["parts"]) for each in (content, before)]
        totals["storedBytes"] += stored[0] - stored[1]

    rewrite(archive, 3, same)
    reforge(archive, 3)
    assert reasons(check(archive)) == [("ContentDiffers", 3)] * 2
