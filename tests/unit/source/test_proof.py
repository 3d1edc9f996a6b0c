"""Proofs against a model of a source that cuts and caps: complete, or an error, never less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.model_source import HEADER, ROW, Model
from support.spools import MemorySpool
from synclog.exporter.errors import UnprovenError
from synclog.exporter.source.answer import Answer, Asked, Spool
from synclog.exporter.source.evidence import Proof
from synclog.exporter.source.proof import Prover
from synclog.windows import SECOND, Window

WINDOW = Window(1_000_000, 1_100_000)
KNOWN = Window(0, 10_000_000)
times = st.lists(
    st.one_of(
        st.integers(WINDOW.start - 3000, WINDOW.end + 3000),
        st.sampled_from([WINDOW.start, WINDOW.end, WINDOW.end - 1, WINDOW.start + 5]),
        st.integers(WINDOW.start + 5000, WINDOW.start + 5999),
        st.integers(0, KNOWN.end),
    ),
    max_size=60,
).map(sorted)


@st.composite
def models(draw: st.DrawFn) -> Model:
    framed = draw(st.booleans())
    byte_cut = None if framed else draw(st.one_of(st.none(), st.integers(HEADER, 300)))
    return Model(
        draw(times),
        row_cap=draw(st.one_of(st.none(), st.integers(1, 40))),
        byte_cut=byte_cut,
        framed_below=draw(st.integers(0, 60)) if byte_cut is None else 0,
        no_order=draw(st.booleans()) if byte_cut is None else False,
        bare=draw(st.booleans()),
        framed=framed,
        tells_total=draw(st.booleans()),
        total_is_capped=draw(st.booleans()),
        shows=draw(st.sampled_from([(1,), (SECOND,), (1, SECOND, 100), (10,)])),
    )


windows = st.sampled_from(
    [
        WINDOW,
        Window(WINDOW.start + 5000, WINDOW.start + 6000),
        # Edges that cut a second.
        Window(WINDOW.start + 123, WINDOW.start + 60_100),
        Window(WINDOW.start + 4900, WINDOW.start + 5700),
        Window(WINDOW.start + 5001, WINDOW.start + 5400),
    ]
)


@given(models(), windows)
def test_complete_or_an_error(model: Model, window: Window) -> None:
    spool = MemorySpool()
    spool.write(b"before")
    cap = model.row_cap or 1000
    prover = Prover(model.read, spool, cap=cap, known=KNOWN)
    expected = [event for event in model.events if model.shown(event) in window]
    try:
        proven = prover.prove(window)
    except UnprovenError:
        return
    assert spool.data[:6] == b"before"
    assert sorted(map(int, spool.data[6:].split())) == expected
    assert sum(answer.events for answer in proven.answers) == len(expected)
    assert sum(answer.bytes for answer in proven.answers) == len(spool.data) - 6
    edges = [edge for a in proven.answers for edge in (a.window.start, a.window.end)]
    assert edges[0] == window.start
    assert edges[-1] == window.end
    assert edges[1:-1:2] == edges[2:-1:2]


def prove(model: Model, cap: int = 1000) -> Proof:
    spool = MemorySpool()
    proven = Prover(model.read, spool, cap=cap, known=KNOWN).prove(WINDOW)
    expected = [event for event in model.events if event in WINDOW]
    assert sorted(map(int, spool.data.split())) == expected
    return proven.proof


SPREAD = [WINDOW.start + at * 1000 for at in range(90)]


def test_small_bodies_may_tell_their_end_where_large_ones_do_not() -> None:
    burst = [WINDOW.start + 50] * 20
    events = [WINDOW.start - 500, *burst, *range(WINDOW.end, WINDOW.end + 800, 10)]
    model = Model(events, framed=False, framed_below=15, bare=True, no_order=True)
    assert prove(model) is Proof.HALVES


def test_a_framed_answer_below_the_cap_is_taken_at_once() -> None:
    model = Model(SPREAD)
    assert prove(model) is Proof.FRAMED
    assert model.asked == 1


def test_an_agreeing_total_is_taken_at_once() -> None:
    model = Model(SPREAD, tells_total=True)
    assert prove(model) is Proof.TOTAL
    assert model.asked == 1


def test_a_large_answer_without_cap_costs_one_more_reading() -> None:
    model = Model(SPREAD)
    assert prove(model, cap=50) is Proof.HALVES
    assert model.asked == 3


def test_a_capped_answer_is_read_in_parts() -> None:
    assert prove(Model(SPREAD, row_cap=20), cap=20) is Proof.HALVES


def test_a_total_beyond_the_rows_is_read_in_parts() -> None:
    model = Model(SPREAD, row_cap=20, tells_total=True, total_is_capped=False)
    assert prove(model, cap=1000) is Proof.HALVES


def test_a_round_number_of_rows_is_not_trusted() -> None:
    events = [WINDOW.start + at * 100 for at in range(250)]
    model = Model(events, row_cap=100)
    assert prove(model, cap=10_000) is Proof.HALVES


def test_a_round_number_in_one_millisecond_is_compared_with_a_wider_range() -> None:
    model = Model([WINDOW.start + 7] * 100 + [WINDOW.end + 90_000])
    assert prove(model, cap=10_000) is Proof.HALVES


LATER = [*SPREAD, WINDOW.end + 90_000]
EARLIER = [WINDOW.start - 90_000, *SPREAD]


def test_without_framing_a_later_record_proves_what_is_before_it() -> None:
    model = Model(LATER, framed=False)
    assert prove(model) is Proof.FOLLOWED
    assert model.asked == 3  # the window, a minute behind it, ten minutes


def test_where_the_newest_record_comes_first_an_older_one_proves() -> None:
    model = Model(EARLIER, framed=False, newest_first=True)
    assert prove(model) is Proof.FOLLOWED


@pytest.mark.parametrize("newest_first", [False, True])
def test_without_framing_and_later_records_the_halves_must_agree(*, newest_first: bool) -> None:
    model = Model(SPREAD, framed=False, newest_first=newest_first)
    assert prove(model) is Proof.HALVES
    assert model.asked < 60


def test_few_records_in_order_of_time_may_be_so_by_accident() -> None:
    events = [WINDOW.start + 7, WINDOW.start + 9, WINDOW.end + 90_000]
    assert prove(Model(events, framed=False)) is Proof.HALVES


@pytest.mark.parametrize("events", [LATER, EARLIER, SPREAD], ids=["later", "earlier", "alone"])
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 44, 45, 86, 87, 88, 89])
def test_a_record_before_which_each_answer_ends(
    at: int, events: list[int], *, newest_first: bool
) -> None:
    model = Model(events, framed=False, ends_before=SPREAD[at], newest_first=newest_first)
    last = min(events) if newest_first else max(events)
    if SPREAD[at] == last:
        # No answer to any request shows it, so nobody can know of it.
        model.events = [event for event in events if event != last]
        prove(model)
    else:
        with pytest.raises(UnprovenError):
            prove(model)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("at", [5, 20, 35])
def test_a_record_that_hides_others_of_the_same_burst(at: int, *, newest_first: bool) -> None:
    burst = [WINDOW.start + 50_000 + each for each in range(40)]
    beside = WINDOW.end + 9_000 if newest_first else WINDOW.start - 9_000
    events = sorted([*burst, beside])
    model = Model(events, framed=False, ends_before=burst[at], newest_first=newest_first)
    with pytest.raises(UnprovenError):
        prove(model)


def test_a_record_that_hides_the_ones_behind_it_is_named_as_such() -> None:
    with pytest.raises(UnprovenError, match="breaks answers off") as caught:
        prove(Model(LATER, framed=False, ends_before=SPREAD[40]))
    assert caught.value.reason == "AnswersDisagree"


@pytest.mark.parametrize("drops", [1, 2, 3])
@pytest.mark.parametrize("shared", [1, 2, 3, 4])
@pytest.mark.parametrize("step", [3, 50])
@pytest.mark.parametrize("beside", [[], [WINDOW.start - 7_000], [WINDOW.end + 7_000]])
def test_rows_that_every_body_lacks_are_found_out_though_several_share_the_last_time(
    drops: int, shared: int, step: int, beside: list[int]
) -> None:
    events = [WINDOW.start + 50_005 + at * step for at in range(60)] * 4
    events += [events[59] + 1_000] * shared + beside
    try:
        prove(Model(sorted(events), framed=False, drops_rows=drops))  # compares with the truth
    except UnprovenError:
        return
    assert beside == [WINDOW.end + 7_000] * len(beside) != []  # which may be all that they lack


def test_a_burst_at_the_edge_of_a_part_makes_it_no_larger() -> None:
    events = [WINDOW.start + 50_000 + at for at in range(40)] * 3
    assert prove(Model(sorted(events), framed=False)) is Proof.HALVES


def test_one_record_without_framing_is_compared_with_a_wider_range() -> None:
    model = Model([WINDOW.start + 7, WINDOW.end + 5_000_000], framed=False)
    assert prove(model) is Proof.HALVES


def test_an_empty_window_without_framing_is_compared_with_a_wider_range() -> None:
    assert prove(Model([WINDOW.end + 5_000_000], framed=False)) is Proof.HALVES


def test_nothing_to_compare_with_is_an_error() -> None:
    with pytest.raises(UnprovenError, match="no larger answer"):
        prove(Model([], framed=False))


def test_a_millisecond_that_is_too_full_is_an_error_that_says_so() -> None:
    with pytest.raises(UnprovenError, match="a millisecond cannot be halved") as caught:
        prove(Model([WINDOW.start + 7] * 30, row_cap=20), cap=20)
    assert "1970-01-01T00:16:40.007Z" in caught.value.message


@pytest.mark.parametrize("cut", range(HEADER, HEADER + 4 * ROW))
def test_a_fixed_cut_at_any_byte(cut: int) -> None:
    model = Model([WINDOW.start + at * 20_000 for at in range(4)], framed=False, byte_cut=cut)
    try:
        prove(model)  # which compares with the truth
    except UnprovenError:
        assert cut < HEADER + 3 * ROW  # with room for three records there is always a way


@pytest.mark.parametrize("drops", range(1, 4 * ROW))
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("step", [2, 100, 20_000])
def test_a_cut_of_the_same_bytes_at_the_end_of_each_body(
    before: int, drops: int, step: int, *, bare: bool
) -> None:
    events = [WINDOW.start - 30_000 + at * 10_000 for at in range(before)]
    events += [WINDOW.start + at * step for at in range(4)]
    try:
        prove(Model(events, framed=False, drops=drops, bare=bare))
    except UnprovenError:
        return
    assert (drops, bare) == (1, False)  # it only lacks the last line end


def test_no_line_end_at_the_end_is_a_habit() -> None:
    assert prove(Model(LATER, framed=False, bare=True)) is Proof.FOLLOWED
    assert prove(Model(SPREAD, framed=False, bare=True)) is Proof.HALVES


def test_one_framed_record_without_line_end_is_complete_where_a_header_has_none_either() -> None:
    events = [WINDOW.start + 7] * 3
    assert prove(Model(events, bare=True, bare_header=True)) is Proof.HALVES
    with pytest.raises(UnprovenError, match="nothing proves"):
        prove(Model(events, bare=True))


def test_an_empty_window_of_bodies_without_line_end() -> None:
    events = [WINDOW.start - 9_000, WINDOW.end + 90_000]
    assert prove(Model(events, framed=False, bare=True)) is Proof.HALVES


@pytest.mark.parametrize("total", [False, True])
def test_a_low_cap_on_a_burst_in_one_millisecond_is_an_error(total: bool) -> None:
    model = Model([WINDOW.start + 7] * 250, row_cap=100, tells_total=total)
    with pytest.raises(UnprovenError, match="no wider answer has more"):
        prove(model, cap=10_000)


def test_a_total_that_is_counted_behind_the_cap_is_not_trusted() -> None:
    events = [WINDOW.start + at * 100 for at in range(250)]
    assert prove(Model(events, row_cap=100, tells_total=True), cap=10_000) is Proof.HALVES


def test_a_wider_answer_that_is_capped_is_no_contradiction() -> None:
    before, inside = [WINDOW.start - 30_000] * 300, [WINDOW.start + 7] * 60
    model = Model([*before, *inside, *[WINDOW.end + 1] * 40], row_cap=200)
    assert prove(model, cap=10_000) is Proof.HALVES


class HalfFramed(Model):
    """Bodies from the later half lack their last row; those from the earlier half are whole."""

    def read(self, window: Window, asked: Asked, spool: Spool) -> Answer:
        self.framed = asked.before < WINDOW.start + 50_000
        self.drops_rows = 0 if self.framed else 1
        return super().read(window, asked, spool)


def test_in_no_order_halves_prove_nothing_where_a_cap_hides_what_is_beside() -> None:
    at = (36_700, 60_196, 60_622, 60_963, 60_964, 102_419, 105_629)
    model = HalfFramed([WINDOW.start + each for each in at], no_order=True)
    with pytest.raises(UnprovenError):
        prove(model, cap=4)
