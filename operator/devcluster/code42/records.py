"""Rows as the two routes write them: CSV records and JSON objects."""

import re
from collections.abc import Callable, Iterable

from devcluster.code42.behaviour import Behaviour
from devcluster.code42.events import Event
from devcluster.code42.timestamps import writer

_VALUES: dict[str, Callable[[Event], str | None]] = {
    "providerName": lambda event: event.provider_name,
    "username": lambda event: event.username,
    "action": lambda event: event.action,
    "field": lambda event: event.field,
    "oldValue": lambda event: event.old_value,
    "newValue": lambda event: event.new_value,
}
# The csv module's minimal quoting leaves a lone carriage return bare before Python 3.13.
_NEEDS_QUOTES = re.compile(r'[",\r\n]')


def csv_body(behaviour: Behaviour, events: Iterable[Event]) -> bytes:
    """The whole body of a CSV answer: header and rows."""
    dialect = behaviour.csv
    records = csv_records(behaviour, events)
    if not records and dialect.no_rows == "nothing":
        return b""
    records.insert(0, ",".join(map(_quoter(behaviour), dialect.columns.values())))
    body = dialect.line_end.join(records) + dialect.line_end * dialect.final_line_end
    return body.encode("utf-8-sig" if dialect.byte_order_mark else "utf-8")


def csv_records(behaviour: Behaviour, events: Iterable[Event]) -> list[str]:
    """The CSV records of the events, without header and line ends."""
    quoted = _quoter(behaviour)
    columns = _columns(behaviour)
    return [",".join([quoted(column(event)) for column in columns]) for event in events]


def _columns(behaviour: Behaviour) -> list[Callable[[Event], str]]:
    """For each column of the CSV, how it is read off an event."""
    timestamp = writer(behaviour.times)

    def column(name: str) -> Callable[[Event], str]:
        if name == "logEventTimeStamp":
            return timestamp
        if name in _VALUES:
            value = _VALUES[name]
            return lambda event: value(event) or ""
        constant = behaviour.extra_fields[name]
        return lambda _: constant

    return [column(name) for name in behaviour.csv.columns]


def _quoter(behaviour: Behaviour) -> Callable[[str], str]:
    def quoted(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    if behaviour.csv.quoting == "all":
        return quoted
    return lambda value: quoted(value) if _NEEDS_QUOTES.search(value) else value


def json_objects(behaviour: Behaviour, events: Iterable[Event]) -> list[dict[str, str | None]]:
    """The objects of a JSON answer."""
    timestamp = writer(behaviour.times)
    missing = behaviour.json.missing
    objects = []
    for event in events:
        row: dict[str, str | None] = {"logEventTimeStamp": timestamp(event)}
        for name, value in _VALUES.items():
            said = value(event)
            if said is not None or missing == "null":
                row[name] = said
            elif missing == "empty":
                row[name] = ""
        row.update(behaviour.extra_fields)
        objects.append(row)
    return objects
