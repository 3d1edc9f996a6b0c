"""The normal form: the same line whichever route served the record, and nothing lost."""

import base64
import csv
import io
import json
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from synclog.api.source import SourceFormat
from synclog.exporter.errors import AnswerError
from synclog.exporter.normal import BYTES, FIELDS, TIME, Normaliser
from synclog.exporter.records import batches
from synclog.exporter.source.timestamps import Timestamps
from synclog.windows import from_datetime, parse_time

AT = "2026-05-30T01:02:03.004Z"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
MOMENTS = st.integers(86_400, 7_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def normalised(data, form=SourceFormat.CSV, zone=None):
    """The lines of records, and the columns."""
    normaliser = Normaliser(Timestamps(zone))
    lines = [line for batch in batches([data], form) for line in normaliser.lines(batch)]
    return lines, normaliser.columns


def of_json(*records, **more):
    return normalised(b"".join(record + b"\n" for record in records), SourceFormat.JSON, **more)[0]


def as_csv(rows, names, quoting=csv.QUOTE_ALL, delimiter=",", end="\r\n"):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, delimiter=delimiter, lineterminator=end)
    writer.writerow(names)
    for row in rows:
        writer.writerow([row.get(name) or "" for name in names])
    return text.getvalue().encode()


@st.composite
def moments(draw):
    """A moment, with the nanoseconds of its second as nine digits."""
    moment = draw(MOMENTS)
    return moment, draw(
        st.integers(0, 999_999_999).map(lambda n: f"{n:09d}") | st.just("5" + "0" * 8)
    )


@st.composite
def written(draw, moment, nanoseconds):
    """One of the ways to write that moment; none of them loses a digit that is not zero."""
    least = len(nanoseconds.rstrip("0"))
    fraction = nanoseconds[: draw(st.integers(least, 9))]
    local = moment.astimezone(draw(OFFSETS))
    text = local.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "")
    offset = local.strftime("%z")
    return text + draw(st.sampled_from([offset, f"{offset[:3]}:{offset[3:]}"]))


@st.composite
def served_twice(draw):
    """Events as the CSV route and as the JSON route may write them."""
    extras = draw(st.lists(st.sampled_from(["Zone", "requestId", "ä b", "_base64"]), unique=True))
    names = draw(st.permutations([*FIELDS, *extras]))
    rows, others = [], []
    for _ in range(draw(st.integers(1, 5))):
        at = draw(moments())
        row = {name: draw(TEXTS) for name in [*FIELDS[1:], *extras]}
        rows.append(row | {TIME: draw(written(*at))})
        other = {name: value or None for name, value in row.items()} | {TIME: draw(written(*at))}
        absent = [name for name, value in other.items() if value is None and draw(st.booleans())]
        others.append({name: other[name] for name in names if name not in absent})
    style = draw(
        st.fixed_dictionaries(
            {
                "quoting": st.just(csv.QUOTE_ALL),
                "delimiter": st.sampled_from(",;\t|"),
                "end": st.sampled_from(["\r\n", "\n"]),
            }
        )
    )
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from([None, 0]))
    objects = [
        json.dumps(each, ensure_ascii=ascii_only, indent=indent).replace("\n", "")
        for each in others
    ]
    return rows, as_csv(rows, names, **style), [text.encode() for text in objects]


@given(served_twice())
def test_both_routes_give_the_same_lines_and_no_value_is_lost(served):
    rows, as_csv_, as_json = served
    lines, columns = normalised(as_csv_)
    assert of_json(*as_json) == lines
    for line, row in zip(lines, rows, strict=True):
        found = json.loads(line)
        assert list(found)[: len(FIELDS)] == list(FIELDS)
        assert list(found)[len(FIELDS) :] == sorted(list(found)[len(FIELDS) :])
        assert set(found) <= set(columns)
        own = {name.replace("_base64_2", BYTES): value for name, value in found.items() if value}
        assert {**own, TIME: ""} == {name: value for name, value in row.items() if value} | {
            TIME: ""
        }
        assert parse_time(found[TIME]) == parse_time(row[TIME])


@given(moments(), st.data())
def test_time_is_utc_and_keeps_every_digit(at, data):
    moment, nanoseconds = at
    text = data.draw(written(moment, nanoseconds))
    [line] = of_json(msgspec.json.encode({TIME: text}))
    wanted = nanoseconds[:3] + nanoseconds[3:].rstrip("0")
    assert json.loads(line)[TIME] == f"{moment:%Y-%m-%dT%H:%M:%S}.{wanted}Z"


def test_time_without_a_zone_is_read_in_the_assumed_one():
    [line] = of_json(b'{"date":"2026-01-31T12:00:00,25"}', zone=ZoneInfo("Europe/Berlin"))
    assert json.loads(line)[TIME] == "2026-01-31T11:00:00.250Z"


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(
    st.dictionaries(
        TEXTS.filter(lambda name: name.isdigit()) | st.sampled_from(FIELDS[1:]), JSON_VALUES
    )
)
@example({"newValue": 2**53 + 1, "oldValue": -(10**400)})
def test_json_values_of_every_kind_come_back(values):
    [line] = of_json(json.dumps({**values, TIME: AT}, ensure_ascii=False).encode())
    found = json.loads(line)
    assert {name: value for name, value in found.items() if value not in (None, "")} == {
        name: value for name, value in (values | {TIME: AT}).items() if value not in (None, "")
    }


@pytest.mark.parametrize("number", [b"1.50", b"1e400", b"-0", b"9007199254740993", b"1" * 5000])
def test_numbers_stay_as_they_are_written(number):
    [line] = of_json(b'{"logEventTimeStamp":"%b","newValue": %b }' % (AT.encode(), number))
    assert line.endswith(b'"newValue":%b}' % number)


def test_white_space_within_nested_values_is_no_difference():
    [one] = of_json(b'{"x":{"a":[1, 2 ],"a":"\\u00e9 b"},"date":"%b"}' % AT.encode())
    [two] = of_json(b'{ "date" : "%b" , "x" : { "a":[1,2],"a": "\\u00e9 b"} }' % AT.encode())
    assert one == two
    assert one.endswith(b',"x":{"a":[1,2],"a":"\\u00e9 b"}}')


def test_a_name_that_comes_again_keeps_both_values():
    [line] = of_json(
        b'{"logEventTimeStamp":"%b","x":"1","username":"a","username":"b","x":"2"}' % AT.encode()
    )
    assert json.loads(line)["username"] == "a"
    assert line.endswith(b',"username_2":"b","x":"1","x_2":"2"}')
    [line], columns = normalised(b"date,x,x,username,User Name\n%b,1,2,a,b\n" % AT.encode())
    assert json.loads(line) | {
        "username": "a",
        "User Name": "b",
        "x": "1",
        "x_2": "2",
    } == json.loads(line)
    assert columns == [*FIELDS, "User Name", "x", "x_2"]


def test_other_ways_of_writing_published_names():
    [line], columns = normalised(
        b"Event Date;New Value;USERNAME;old_value\n%b;n;u;o\n" % AT.encode()
    )
    found = json.loads(line)
    assert columns == list(FIELDS)
    assert (found["newValue"], found["username"], found["oldValue"]) == ("n", "u", "o")


def test_another_letter_makes_another_name():
    _, columns = normalised("date,éUsername,field2\n".encode() + b"%b,u,f\n" % AT.encode())
    assert columns == [*FIELDS, "field2", "éUsername"]


def test_a_column_counts_where_it_has_a_value():
    data = b"date,username,a,b\n%b,u,,1\n" % AT.encode()
    [line], columns = normalised(data)
    assert columns == [*FIELDS, "b"]
    assert "a" not in json.loads(line)


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=4))
@example([b"\xff", b"ok", b"\xed\xa0\x80 \xc3\xa9"])
def test_bytes_that_are_no_utf8_come_back(values):
    records = b"".join(b'%b,"%b"\n' % (AT.encode(), value.replace(b'"', b'""')) for value in values)
    lines, columns = normalised(b"date,newValue\n" + records)
    found = [json.loads(line) for line in lines]
    for value, fields in zip(values, found, strict=True):
        told = fields.get(BYTES, {}).get("newValue")
        assert value == (base64.b64decode(told) if told else (fields["newValue"] or "").encode())
        assert (fields["newValue"] or "") == value.decode("utf-8", "replace")
    assert (columns[-1] == BYTES) is any(BYTES in fields for fields in found)


def test_a_long_value():
    value = "x" * 1_000_000
    [line], _ = normalised(as_csv([{"date": AT, "newValue": value}], ["date", "newValue"]))
    assert json.loads(line)["newValue"] == value


def test_times_of_lines_are_known():
    normaliser = Normaliser(Timestamps())
    data = b"".join(b'{"date":"2026-01-31T0%d:00:00Z"}\n' % hour for hour in (3, 1, 2))
    for batch in batches([data], SourceFormat.JSON):
        normaliser.lines(batch)
    hour = from_datetime(datetime(2026, 1, 31, 1, tzinfo=UTC))
    assert (normaliser.first, normaliser.last) == (hour, hour + 2 * 3_600_000)


@pytest.mark.parametrize("record", [b'{"x":"y"}', b'{"date":5}', b'{"date":"noon"}', b"[1]", b"{"])
def test_what_cannot_be_normalised_is_said(record):
    with pytest.raises(AnswerError, match=r"output\.format Source keeps records"):
        of_json(record)
