"""Envelopes: found tolerantly, or refused loudly; and what the source says when it refuses."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synclog.exporter.errors import AnswerError
from synclog.exporter.source.envelope import Envelope, read_page
from synclog.exporter.source.framing import CutShortError
from synclog.exporter.source.problems import describe_problem

ROW = {"logEventTimeStamp": "2026-01-31T10:00:00.000Z", "username": "a"}
KNOWN = Envelope(("data", "logs"), frozenset({"data"}))


def page(document: Any, known: Envelope | None = None) -> Any:
    return read_page(json.dumps(document).encode(), known)


@pytest.mark.parametrize(
    ("document", "path", "total"),
    [
        ([ROW], (), None),
        ({"data": [ROW]}, ("data",), None),
        ({"data": [ROW], "totalCount": 1}, ("data",), 1),
        ({"metadata": {"total": 5}, "data": {"logs": [ROW]}}, ("data", "logs"), 5),
        ({"logs": [ROW], "error": None, "warnings": None}, ("logs",), None),
        ({"logs": [ROW], "warnings": [], "links": [{"rel": "next"}]}, ("logs",), None),
        ({"logs": [ROW], "columns": ["a", "b"]}, ("logs",), None),
        ({"logs": [ROW], "filters": []}, ("logs",), None),
        ({"data": {"a": {"logs": [ROW]}}}, ("data", "a", "logs"), None),
    ],
)
def test_known_shapes(document: Any, path: tuple[str, ...], total: int | None) -> None:
    found = page(document)
    assert found.envelope.path == path
    assert [json.loads(record) for record in found.records] == [ROW]
    assert found.total == total
    assert found.understood


@pytest.mark.parametrize(
    ("document", "understood"),
    [
        ([], True),
        ({"data": []}, True),
        ({"data": {"directorySyncLogs": []}}, True),
        ({"things": [], "totalCount": 0}, True),
        ({"things": []}, False),
        ({}, False),
        ({"data": {}}, False),
        ({"data": None}, False),
        ({"status": "ok"}, False),
    ],
)
def test_when_no_records_is_sure(document: Any, *, understood: bool) -> None:
    found = page(document)
    assert found.records == []
    assert found.understood is understood


@pytest.mark.parametrize("document", [{"data": {}}, {"data": {"totalCount": 7}}, {"data": None}])
def test_the_known_envelope_without_its_list_has_no_records(document: Any) -> None:
    found = page(document, KNOWN)
    assert found.envelope is None
    assert found.records == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"status": "ok"},
        {"data": {"other": [ROW]}},
        {"data": {"logs": None}, "more": 1},
        [ROW],
    ],
)
def test_another_envelope_than_before_is_refused(document: Any) -> None:
    with pytest.raises(AnswerError):
        page(document, KNOWN)


@pytest.mark.parametrize(
    "document",
    [
        [{"name": "SYSTEM", "description": "no"}],
        {"problem": "CODE", "description": None},
        {"timestamp": "x", "status": 500, "error": "no", "message": "m", "path": "/p"},
        {"error": "no", "data": [ROW]},
        {"errors": [{"code": 1}], "data": []},
    ],
)
@pytest.mark.parametrize("known", [None, KNOWN])
def test_errors_with_status_200_are_refused(document: Any, known: Any) -> None:
    with pytest.raises(AnswerError):
        page(document, known)


@pytest.mark.parametrize(
    "document", [{"a": [ROW], "b": [ROW]}, {"a": [], "b": []}, {"total": 1, "totalCount": 2}]
)
def test_what_is_ambiguous_is_refused(document: Any) -> None:
    with pytest.raises(AnswerError) as caught:
        page(document)
    assert caught.value.reason == "UnknownEnvelope"


@pytest.mark.parametrize("body", [b"", b"null", b"7", b'"x"', b"<html>", b'{"a":"\xff"}', b"[1}"])
def test_what_is_no_page(body: bytes) -> None:
    with pytest.raises(AnswerError):
        read_page(body, None)


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 200_000, b"[" + b'{"a":' * 99_999 + b"1" + b"}" * 99_999 + b"]"],
)
def test_nesting_without_end(body: bytes) -> None:
    with pytest.raises((AnswerError, CutShortError)):
        read_page(body, None)


def test_a_total_beyond_all_numbers_is_none() -> None:
    assert read_page(b'{"data": [], "total": %s}' % (b"9" * 5000), None).total is None


def test_a_page_cut_anywhere_is_noticed() -> None:
    body = json.dumps({"data": {"logs": [ROW, ROW]}, "totalCount": 2}).encode()
    for cut in range(1, len(body)):
        with pytest.raises(CutShortError):
            read_page(body[:cut], None)


@given(st.binary(max_size=60), st.sampled_from([None, KNOWN]))
def test_any_bytes_are_a_page_or_refused(body: bytes, known: Any) -> None:
    try:
        read_page(body, known)
    except (AnswerError, CutShortError):
        return
    assert json.loads(body.decode("utf-8-sig")) is not None


def test_records_are_bytes_as_served() -> None:
    body = '\ufeff{"data": [{"b" : 1.50,  "a":"\\u00e9é"}]}'.encode()
    assert read_page(body, None).records == ['{"b" : 1.50,  "a":"\\u00e9é"}'.encode()]


def test_warnings_are_noticed() -> None:
    assert page({"data": [ROW], "warnings": ["partial"]}).warned
    assert not page({"data": [ROW], "warnings": None}).warned


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'[{"name":"SYSTEM","description":"not allowed"}]', "SYSTEM: not allowed"),
        (b'{"problem":"EXPIRED","description":null}', "EXPIRED"),
        (b'{"status":401,"error":"Unauthorized","message":"why"}', "Unauthorized: why"),
        (b'{"error":{"message":"deep"}}', "deep"),
        (b"<html><title>Log\n in</title></html>", "an HTML page titled 'Log\\n in'"),
        (b"plain  text", "plain text"),
        (b"", "no reason given"),
        (b"token hunter2 is bad", "token *** is bad"),
        (b"sent Bearer abcdef.ghi-123", "sent Bearer ***"),
        (b"x" * 9000, "x" * 300),
    ],
)
def test_problems(body: bytes, said: str) -> None:
    assert describe_problem(body, ["hunter2", ""]) == said


@pytest.mark.parametrize(
    ("served", "kept"),
    [
        (rb"cut \ud83d", rb"cut \ufffd"),
        (rb"\ude00 x", rb"\ufffd x"),
        (rb"\ud83d\ud83d\ude00", rb"\ufffd\ud83d\ude00"),
        (rb"\\ud83d and \uD83D", rb"\\ud83d and \ufffd"),
    ],
)
def test_half_a_character_does_not_hide_its_page(served: bytes, kept: bytes) -> None:
    page = read_page(b'{"data":[{"newValue":"%b"}]}' % served, None)
    assert page.records == [b'{"newValue":"%b"}' % kept]


def test_a_page_that_ends_too_early_is_cut_short_whatever_it_holds() -> None:
    with pytest.raises(CutShortError):
        read_page(rb'{"data":[{"newValue":"\ud83d x"}', None)
