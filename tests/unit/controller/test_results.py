"""Termination messages, read tolerantly."""

import msgspec
import pytest

from synclog.api.run import FAILED, Purpose, RunResult
from synclog.controller.results import results_of
from synclog.windows import DAY, Window, cut

WINDOWS = cut(Window(0, 2 * DAY), DAY)


def results(*pods):
    return results_of(pods, Purpose.WINDOW, WINDOWS)


def message(reason, outcome="Succeeded"):
    return msgspec.json.encode(RunResult(outcome=outcome, reason=reason)).decode()


def test_what_pods_reported_comes_newest_last(make):
    late = make.pod("a", **make.ended(0, message("Second"), at=20))
    early = make.pod("b", **make.ended(12, message("First", FAILED), at=10))
    assert [result.reason for result in results(late, early)] == ["First", "Second"]


def test_fields_that_a_newer_exporter_adds_do_no_harm(make):
    told = '{"outcome":"Succeeded","reason":"Exported","newField":{"x":1},"events":5}'
    (found,) = results(make.pod(**make.ended(0, told)))
    assert (found.reason, found.events) == ("Exported", 5)


def test_pods_that_have_not_ended_report_nothing(make):
    assert results(make.pod(), make.pod("b", phase="Running")) == ()


@pytest.mark.parametrize("told", ["", "Segmentation fault", '{"outcome": "Succ', "[]", "null"])
def test_a_success_that_said_nothing_usable_is_no_result(make, told):
    """The ledger has it; guessing would be worse than asking again."""
    assert results(make.pod(**make.ended(0, told))) == ()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"code": 137, "reason": "OOMKilled"}, "OOMKilled"),
        ({"code": 137}, "Killed"),
        ({"code": 143}, "Terminated"),
        ({"code": 11}, "Authorisation"),
        ({"code": 15}, "NotSettled"),
        ({"code": 99}, "Exit99"),
    ],
)
def test_a_failure_without_a_message_gets_words(make, status, reason):
    (found,) = results(make.pod(index=1, **make.ended(**status)))
    assert (found.outcome, found.reason, found.exit_code) == (FAILED, reason, status["code"])
    assert found.window.start == "1970-01-02T00:00:00.000Z"
    assert "pod" in found.message


def test_a_pod_that_was_evicted_before_it_ran_says_so(make):
    pod = make.pod(phase="Failed", reason="Evicted", message="The node was low on disk.")
    (found,) = results(pod)
    assert found.reason == "Evicted"
    assert "low on disk" in found.message


def test_what_a_crashed_exporter_wrote_is_shown_as_it_is(make):
    (found,) = results(make.pod(**make.ended(1, "Traceback: boom")))
    assert "Traceback: boom" in found.message


def test_an_index_beyond_the_span_has_no_window(make):
    (found,) = results(make.pod(index=7, **make.ended(1)))
    assert found.window is None
