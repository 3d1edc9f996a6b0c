"""Proofs where the source selects by finer times than it shows: complete, or an error."""

import pytest

from support.model_source import Model
from support.spools import MemorySpool
from synclog.exporter.errors import UnprovenError
from synclog.exporter.source.answer import Answer, Asked, Spool
from synclog.exporter.source.proof import Prover
from synclog.windows import HOUR, SECOND, Window

WINDOW = Window(1_000_000, 1_100_000)
KNOWN = Window(0, 10_000_000)


@pytest.mark.parametrize("beside", [[], [WINDOW.start + 4100], [WINDOW.start + 6900]])
def test_a_second_that_hides_finer_times_is_never_halved(beside: list[int]) -> None:
    second = WINDOW.start + 5000
    events = sorted([second + 200, second + 500, second + 700, *beside])
    capped = Model(events, row_cap=2, tells_total=True, total_is_capped=False, shows=(SECOND,))
    with pytest.raises(UnprovenError, match="a second cannot be halved"):
        Prover(capped.read, MemorySpool(), cap=1000, known=KNOWN).prove(WINDOW)
    capped.row_cap = 3
    spool = MemorySpool()
    Prover(capped.read, spool, cap=1000, known=KNOWN).prove(WINDOW)
    assert sorted(map(int, spool.data.split())) == events


def prove(model: Model, window: Window = WINDOW, cap: int = 20) -> list[int]:
    spool = MemorySpool()
    Prover(model.read, spool, cap=cap, known=KNOWN).prove(window)
    return sorted(map(int, spool.data.split()))


@pytest.mark.parametrize(
    "window",
    [
        Window(1_005_000, 1_006_000),
        Window(1_004_900, 1_005_700),
        Window(1_000_123, 1_005_700),
        Window(1_005_000, 1_065_001),
    ],
)
def test_a_window_that_ends_amid_a_second_has_what_is_shown_at_its_begin(window: Window) -> None:
    assert prove(Model([1_005_999], shows=(SECOND,)), window) == [1_005_999]


def test_what_is_behind_a_window_does_not_hide_that_a_second_was_cut() -> None:
    burst = [WINDOW.end - 990 + 25 * each for each in range(30)]
    model = Model([*burst, WINDOW.end + 100, WINDOW.end + 200], shows=(SECOND,))
    model.row_cap, model.newest_first = 20, True
    with pytest.raises(UnprovenError) as refused:
        prove(model)
    assert refused.value.reason == "MillisecondTooFull"


def test_a_record_with_fewer_digits_than_others_is_not_lost_between_parts() -> None:
    burst = [1_005_001 + 10 * each for each in range(40)]
    exact = Model(burst, row_cap=20)
    assert prove(exact) == burst
    # Each third of them is shown as 1,005,000, and looked for in the first part of the second.
    mixed = Model(burst, row_cap=20, shows=(1, SECOND, 1))
    with pytest.raises(UnprovenError, match="a second cannot be halved"):
        prove(mixed)


def test_parts_with_fewer_records_than_the_whole_are_an_error() -> None:
    window = Window(2 * HOUR, 2 * HOUR + 10_000)
    model = Model([window.start + 1000 * each + 700 for each in range(5)], row_cap=5)

    def read(part: Window, asked: Asked, spool: Spool) -> Answer:
        answer = model.read(part, asked, spool)
        if part != window and answer.events:  # as if its parts were selected by other times
            answer.events, answer.bytes, answer.digest = 0, 0, 0
            answer.first = answer.last = None
        return answer

    with pytest.raises(UnprovenError) as refused:
        Prover(read, MemorySpool(), cap=5, known=Window(0, 10 * HOUR)).prove(window)
    assert refused.value.reason == "AnswersDisagree"


def test_a_record_shown_just_before_a_part_is_missed_by_the_part_before() -> None:
    model = Model([1_004_050, 1_004_050, 1_005_403], row_cap=3, shows=(10,))
    model.framed, model.framed_below = False, 4
    with pytest.raises(UnprovenError, match="a second cannot be halved"):
        prove(model, cap=3)


def test_a_record_shown_a_millisecond_before_a_part_is_no_record_at_its_bound() -> None:
    model = Model([1_005_652, 1_005_700], row_cap=2, shows=(10,))
    with pytest.raises(UnprovenError, match="a second cannot be halved"):
        prove(model, Window(1_004_900, 1_005_700), cap=2)
