"""Finding the head, losing races, and recognising a ledger that is not the one."""

import pytest
from msgspec.structs import replace

from synclog.api.output import OutputFormat
from synclog.api.run import LedgerHead, Owner
from synclog.api.source import SourceFormat
from synclog.exporter.errors import ConfigurationError, DestinationError, IntegrityError
from synclog.exporter.ledger import Adoption, Content, Identity, Ledger, Lost, WindowRecord
from synclog.exporter.ledger.entries import FORMAT, decode, path_of
from synclog.exporter.ledger.rules import accounted, after, check_identity, text_of
from synclog.windows import HOUR, Window

ME = Owner(namespace="team", name="prod")
IDENTITY = Identity(
    format=FORMAT,
    id="the-id",
    tenant="t",
    source_format=SourceFormat.CSV,
    output_format=OutputFormat.SOURCE,
    coverage_start="2026-05-30T00:00:00.000Z",
    owner=ME,
)


def window(start, end, kind=WindowRecord, events=1):
    text = text_of(Window(start * HOUR, end * HOUR))
    return kind(
        window=text,
        content=Content(events=events, bytes=10, first=text.start, last=text.start),
        evidence={},
    )


@pytest.fixture
def storage(memory):
    return memory()


@pytest.fixture
def ledger(storage):
    return Ledger(storage, clock=lambda: 0)


def filled(ledger, count):
    head = ledger.create(IDENTITY)
    for number in range(count):
        head, _ = ledger.append(head, lambda _head, n=number: window(n, n + 1))
    return head


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 31, 32, 33])
def test_the_head_is_found_from_anywhere(ledger, count):
    last = filled(ledger, count)
    assert last.number == count
    for number in range(count + 1):
        _, digest = ledger.entry(number)
        hint = LedgerHead(id="the-id", head=number, digest=digest)
        assert ledger.head(hint) == last
    assert ledger.head() == last


def test_finding_the_head_does_not_read_every_entry(ledger, storage):
    filled(ledger, 200)
    looked = []
    storage.step = looked.append
    assert ledger.head().number == 200
    assert len(looked) < 25


def test_a_ledger_that_is_not_there(ledger):
    assert ledger.head() is None
    with pytest.raises(IntegrityError) as caught:
        ledger.head(LedgerHead(id="the-id", head=3, digest="d"))
    assert caught.value.reason == "LedgerMissing"


def test_a_tail_that_was_cut_off_is_seen(ledger, storage):
    seen = filled(ledger, 5).told()
    del storage.content[path_of(5)]
    with pytest.raises(IntegrityError) as caught:
        ledger.head(seen)
    assert caught.value.reason == "LedgerShorter"


def test_another_ledger_is_seen(ledger):
    head = filled(ledger, 1)
    with pytest.raises(IntegrityError) as caught:
        ledger.head(replace(head.told(), id="other"))
    assert caught.value.reason == "LedgerReplaced"


def test_a_rewritten_entry_is_seen(ledger, storage):
    seen = filled(ledger, 3).told()
    storage.content[path_of(3)] = storage.content[path_of(3)].replace(
        b'"events": 1', b'"events": 2'
    )
    with pytest.raises(IntegrityError) as caught:
        ledger.head(seen)
    assert caught.value.reason == "LedgerRewritten"


def test_who_loses_a_race_looks_again(ledger, storage):
    head = filled(ledger, 1)
    other = Ledger(storage, clock=lambda: 0)
    proposals = []

    def propose(seen):
        proposals.append(seen.number)
        if len(proposals) == 1:  # another writer is faster
            other.append(head, lambda _: window(5, 6))
        return window(7, 8)

    won, fresh = ledger.append(head, propose)
    assert (won.number, fresh, proposals) == (3, True, [1, 2])
    assert [each.start for each in accounted(won.so_far)] == [0, 5 * HOUR, 7 * HOUR]


def test_who_loses_a_race_for_the_same_window_commits_nothing(ledger, storage):
    head = filled(ledger, 0)
    other = Ledger(storage, clock=lambda: 0)

    def propose(seen):
        if seen.number == 0:
            other.append(head, lambda _: window(0, 2))
        return window(1, 3)

    with pytest.raises(IntegrityError) as caught:
        ledger.append(head, propose)
    assert caught.value.reason == "WindowOverlaps"
    assert ledger.newest(head).number == 1


def test_a_storage_that_contradicts_itself_ends_the_race(ledger, storage):
    head = filled(ledger, 0)
    storage.create = lambda _path, _data: False
    with pytest.raises(DestinationError) as caught:
        ledger.append(head, lambda _: window(0, 1))
    assert caught.value.reason == "DestinationUnstable"


def test_two_who_begin_a_ledger_agree_on_one(ledger, storage):
    ours = ledger.create(IDENTITY)
    theirs = Ledger(storage, clock=lambda: 9).create(replace(IDENTITY, id="late"))
    assert theirs == ours


def test_running_totals_and_coverage(ledger):
    head = filled(ledger, 2)
    head, _ = ledger.append(head, lambda _: window(4, 5, events=7))
    head, _ = ledger.append(head, lambda _: window(2, 3, Lost, events=2))
    so_far = head.so_far
    assert so_far.coverage == [text_of(Window(0, 2 * HOUR)), text_of(Window(4 * HOUR, 5 * HOUR))]
    assert so_far.lost == [text_of(Window(2 * HOUR, 3 * HOUR))]
    assert (so_far.totals.windows, so_far.totals.events) == (3, 11)


@pytest.mark.parametrize("kind", [WindowRecord, Lost])
@pytest.mark.parametrize("taken", [WindowRecord, Lost])
@pytest.mark.parametrize(("start", "end"), [(1, 2), (0, 2), (2, 4), (1, 4), (0, 9)])
def test_no_instant_is_committed_twice(kind, taken, start, end):
    so_far = after(after(None, IDENTITY), window(1, 3, taken))
    with pytest.raises(IntegrityError) as caught:
        after(so_far, window(start, end, kind))
    assert caught.value.reason == "WindowOverlaps"


def test_neighbours_do_not_overlap():
    so_far = after(after(None, IDENTITY), window(1, 3))
    so_far = after(after(so_far, window(0, 1)), window(3, 4))
    assert so_far.coverage == [text_of(Window(0, 4 * HOUR))]


def test_order_of_kinds():
    with pytest.raises(IntegrityError, match="must be its identity"):
        after(None, window(0, 1))
    with pytest.raises(IntegrityError, match="only one identity"):
        after(after(None, IDENTITY), IDENTITY)


def test_an_adoption_names_the_owner_before():
    you = Owner(namespace="team", name="next")
    so_far = after(None, IDENTITY)
    assert after(so_far, Adoption(owner=you, before=ME)).owner == you
    with pytest.raises(IntegrityError):
        after(so_far, Adoption(owner=ME, before=you))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("tenant", "other", "TenantMismatch"),
        ("source_format", SourceFormat.JSON, "FormatMismatch"),
    ],
)
def test_a_ledger_for_something_else_is_refused(field, value, reason):
    with pytest.raises(ConfigurationError) as caught:
        check_identity(IDENTITY, replace(IDENTITY, **{field: value}))
    assert caught.value.reason == reason


def test_the_number_belongs_to_the_entry(ledger, storage):
    filled(ledger, 2)
    with pytest.raises(IntegrityError, match="says that it is number 1"):
        decode(storage.content[path_of(1)], number=2)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:50],
        lambda _: b"",
        lambda data: data.replace(b'"identity"', b'"something-new"'),
        lambda data: data.replace(FORMAT.encode(), b"synclog.dev/ledger/v9"),
    ],
)
def test_an_entry_that_cannot_be_read_is_an_integrity_error(ledger, storage, spoil):
    filled(ledger, 1)
    with pytest.raises(IntegrityError) as caught:
        decode(spoil(storage.content[path_of(0)]), number=0)
    assert caught.value.reason == "LedgerUnreadable"


@pytest.mark.parametrize("hole", [range(3, 4), range(3, 5), range(9, 10), range(1, 2)])
def test_a_hole_is_not_the_end_of_the_ledger(ledger, storage, hole):
    filled(ledger, 10)
    taken = {number: storage.content.pop(path_of(number)) for number in hole}
    with pytest.raises(IntegrityError, match=f"entry {hole.start} is missing") as caught:
        ledger.head()
    assert caught.value.reason == "EntryMissing"
    storage.content.update({path_of(number): data for number, data in taken.items()})
    assert ledger.head().number == 10
