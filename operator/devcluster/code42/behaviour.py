"""How the simulated source behaves: every unknown and every hazard of the real one, a switch.

The default is the friendliest source that fits what is known. Spans are milliseconds.
A behaviour is given at the start, and replaced or patched while the source runs.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, structs

from synclog.windows import DAY

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]

COLUMNS = (
    "logEventTimeStamp",
    "providerName",
    "username",
    "action",
    "field",
    "oldValue",
    "newValue",
)
"""The seven published field names; their order is this simulation's guess."""


class _Group(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, repr_omit_defaults=True
):
    pass


class Population(_Group, frozen=True, kw_only=True):
    """Which events exist."""

    events_per_day: Count = 300
    """Mean; by day there are four times as many as by night."""
    users: Positive = 500
    awkward_share: Share = 0.2
    """How many old and new values are taken from the awkward ones."""
    error_share: Share = 0.05
    """How many updates are errors: one row without field, old and new value."""
    identical_share: Share = 0.02
    """How many rows are followed by one that is the same in every field."""
    burst_rows: Count = 40
    """Rows of a burst, all within one millisecond; 0 for no bursts."""
    burst_every_hours: Positive = 24
    bulk_bytes_per_day: Count = 0
    """Above 0 the tenant is made of repeated blocks, about this many bytes of CSV a day, that
    cost nearly nothing to serve: for benchmarks. The other figures do not apply then."""


class Visibility(_Group, frozen=True, kw_only=True):
    """When a row that exists can be read."""

    retention_ms: Positive = 90 * DAY
    """Older rows are gone; the query succeeds all the same."""
    lag_ms: Count = 0
    """A row becomes visible up to this long after its time."""
    late_share: Share = 0.0
    """How many rows are late beyond the lag."""
    late_ms: Count = 0
    """How long after its time a late row becomes visible."""


class Times(_Group, frozen=True, kw_only=True):
    """How timestamps are written."""

    fraction: Literal[0, 3, 6, 9, "shortest"] = 3
    """Fraction digits. ``0``: the source's clock ticks in seconds. ``shortest``: the fewest of
    0, 3, 6 and 9 that say all, row by row, as Java's ``Instant.toString``."""
    offset: Annotated[str, Meta(pattern=r"^(Z|[+-]\d\d:?\d\d)?$")] = "Z"
    """``Z``, ``+0000``, ``-05:00``, or empty for times without a zone."""
    zone: str = "UTC"
    """IANA zone of times without a zone."""


class Csv(_Group, frozen=True, kw_only=True):
    """The dialect of the CSV route."""

    columns: dict[str, str] = msgspec.field(default_factory=lambda: {c: c for c in COLUMNS})
    """Field name to header name, in the order of the columns; a field left out is not served."""
    quoting: Literal["minimal", "all"] = "minimal"
    byte_order_mark: bool = False
    line_end: Literal["\r\n", "\n"] = "\r\n"
    final_line_end: bool = True
    no_rows: Literal["header", "nothing"] = "header"
    """The body of an answer without rows."""
    content_type: str = "text/csv; charset=utf-8"


class Json(_Group, frozen=True, kw_only=True):
    """The envelope of the JSON route."""

    wrap: Literal["bare", "data", "metadata", "siblings"] = "data"
    """``{"data": …}``, the same beside ``metadata``, or beside ``error`` and ``warnings``."""
    list_key: str | None = "directorySyncLogs"
    """Key of the list within the wrap; null where the list stands there itself."""
    total_key: str | None = "totalCount"
    """Key of the number of all rows, beside the list (or in ``metadata``); null for none."""
    total_error: int = 0
    """What the total is wrong by."""
    missing: Literal["null", "absent", "empty"] = "null"
    """How a field without a value is written."""
    ascii_only: bool = False
    """Write other characters as ``\\uXXXX``."""


class Bounds(_Group, frozen=True, kw_only=True):
    """Which rows on the bounds belong to an answer."""

    after_inclusive: bool = True
    before_inclusive: bool = False


class Order(_Group, frozen=True, kw_only=True):
    """In which order rows come."""

    default: Literal["ascending", "descending", "shuffled"] = "ascending"
    """By time, where no order is asked for. ``shuffled`` is stable between requests."""
    unstable_ties: bool = False
    """Rows that sort equal come in another order at each request."""


class Paging(_Group, frozen=True, kw_only=True):
    """How the JSON route pages."""

    base: Literal[0, 1] = 1
    """Number of the first page."""
    below: Literal["refuse", "first"] = "refuse"
    """What page 0 meets where pages count from 1: an error, or the first page."""
    default_size: Positive = 100
    max_size: Positive = 500
    oversize: Literal["cap", "refuse"] = "cap"
    """What a larger page[size] meets."""
    short_pages: bool = False
    """Pages before the last hold fewer rows than asked for."""
    ignore_number: bool = False
    """Every page is the first."""
    repeat_page: Count = 0
    """The page of this position (1 is the first) is the one before again; 0 for none."""
    past_end: Literal["empty", "missing_key", "not_found"] = "empty"
    """What a page after the last one is: an empty list, no list key, or a 404."""
    insert_rows: Count = 0
    """Rows that are inserted while pages are read: one after each answer, at the time of the
    answer's first row, until so many were."""
    expire_rows: Count = 0
    """Rows that expire while pages are read: the window's first, one after each answer."""


class Body(_Group, frozen=True, kw_only=True):
    """How a body travels, and how it breaks."""

    framing: Literal["length", "chunked", "close"] = "length"
    """Content-Length, chunked, or ended by closing the connection."""
    encoding: Literal["identity", "gzip", "gzip_two_members"] = "identity"
    """Content-Encoding, if the request accepts it."""
    force_encoding: bool = False
    """Encode also where the request does not accept it."""
    cut_bytes: Count | None = None
    """Cut the body (as it travels, encoded) after so many bytes."""
    cut_share: Share | None = None
    """Cut the body after this share of its bytes."""
    cut_end: Count | None = None
    """Cut so many bytes off the end of the body."""
    ends_before: int | None = None
    """Instant of a row: a CSV body ends before its first row with this time, at a line end."""
    cut_by: Literal["close", "reset", "reframed"] = "close"
    """Close the connection, reset it, or (a proxy that kept half of it) frame the rest anew."""
    bytes_per_second: Count = 0
    """A slow trickle; 0 for as fast as it goes."""


class RowCap(_Group, frozen=True, kw_only=True):
    """A cap on the rows of an answer, which says nothing."""

    rows: Positive | None = None
    """The CSV route ends after so many rows; the JSON route's pages reach no further."""
    total_is_capped: bool = True
    """Whether the JSON total counts only the rows within the cap."""


class Tokens(_Group, frozen=True, kw_only=True):
    """How tokens are given and taken."""

    api_client_seconds: Annotated[float, Meta(gt=0)] = 900.0
    user_seconds: Annotated[float, Meta(gt=0)] = 1800.0
    stated_seconds: Positive | None = None
    """``expires_in`` as the answer states it; null for the truth."""
    requests: Positive | None = None
    """A token expires after so many requests."""
    accepts: tuple[Literal["api_client", "user"], ...] = ("api_client", "user")
    """Kinds of token that the Sync Log takes."""
    permission: Literal["granted", "no_permission", "no_api_in_plan"] = "granted"
    """Otherwise the Sync Log answers 401 to every token."""
    totp: Literal["off", "required", "single_use"] = "off"
    """Whether a local user needs a TOTP code, and whether one code works twice."""


class Faults(_Group, frozen=True, kw_only=True):
    """Answers that are none. Rates are drawn from the seed and the request's number."""

    on: tuple[Literal["data", "tokens"], ...] = ("data",)
    """Routes that are concerned."""
    latency_ms: Count = 0
    reset_rate: Share = 0.0
    """Connections reset before an answer."""
    error_rate: Share = 0.0
    error_status: Annotated[int, Meta(ge=400, le=599)] = 503
    throttle_rate: Share = 0.0
    """Answers 429 at random."""
    requests_per_minute: Positive | None = None
    """More requests than so many within a minute meet a 429."""
    retry_after: Literal["seconds", "date", "absent"] = "seconds"
    retry_after_seconds: Count = 1
    page: Literal["", "login", "empty", "json"] = ""
    """A 200 with a login page, an empty body, or an unrelated JSON document."""
    redirect_to: str = ""
    """Redirect (302) to this URL; the path and query are added."""


class Behaviour(_Group, frozen=True, kw_only=True):
    """Everything that can differ between two sources."""

    population: Population = Population()
    visibility: Visibility = Visibility()
    times: Times = Times()
    csv: Csv = msgspec.field(default_factory=Csv)
    json: Json = Json()
    bounds: Bounds = Bounds()
    order: Order = Order()
    paging: Paging = Paging()
    row_cap: RowCap = RowCap()
    body: Body = Body()
    tokens: Tokens = Tokens()
    faults: Faults = Faults()
    extra_fields: dict[str, str] = msgspec.field(default_factory=dict)
    """Fields that every record has besides the seven, on both routes."""
    error_shape: Literal["list", "problem", "spring", "html"] = "list"
    date_skew_ms: int = 0
    """What the ``Date`` header is ahead of the source's clock."""
    date_absent: bool = False
    hostile_from: Positive = 1
    """Number of the first request, since the behaviour was set, that meets `faults`, cut
    bodies, and pages ignored, repeated or unstable. Data and token requests count apart."""
    hostile_until: Count | None = None
    """Number of the last such request; null for all."""

    def __post_init__(self) -> None:
        if self.population.bulk_bytes_per_day and (
            self.visibility.late_share
            or self.visibility.lag_ms
            or self.row_cap.rows
            or self.order != Order()
            or self.times != Times()
            or self.extra_fields
            or self.paging.insert_rows
            or self.paging.expire_rows
        ):
            raise ValueError(
                "population.bulk_bytes_per_day serves ready blocks in order of time: leave "
                "visibility, times, order, row_cap, extra_fields and changing pages as they are"
            )
        unknown = set(self.csv.columns) - set(COLUMNS) - set(self.extra_fields)
        if unknown:
            raise ValueError(
                f"csv.columns names {sorted(unknown)}: write field names out of "
                f"{', '.join(COLUMNS)} or of extra_fields"
            )

    def at(self, request: int) -> "Behaviour":
        """The behaviour that the n-th request (from 1) since it was set meets."""
        until = self.hostile_until
        if request >= self.hostile_from and (until is None or request <= until):
            return self
        return structs.replace(
            self,
            faults=Faults(),
            body=structs.replace(
                self.body,
                cut_bytes=None,
                cut_share=None,
                cut_end=None,
                ends_before=None,
                bytes_per_second=0,
            ),
            order=structs.replace(self.order, unstable_ties=False),
            paging=structs.replace(self.paging, ignore_number=False, repeat_page=0),
        )

    @property
    def tick(self) -> int:
        """Milliseconds of one tick of the source's clock."""
        return 1000 if self.times.fraction == 0 else 1


def from_json(data: bytes | str) -> Behaviour:
    """Read a behaviour; what is not mentioned is as by default.

    Raises:
        ValueError: the JSON is no behaviour; the message says where.
    """
    return msgspec.json.decode(data, type=Behaviour)


def patched(behaviour: Behaviour, patch: dict[str, Any]) -> Behaviour:
    """Change some switches and leave the others.

    Within a group, such as ``paging``, only the fields that the patch names change; a field's
    value is replaced whole, and null is a value.

    Raises:
        ValueError: the outcome is no behaviour; the message says where.
    """
    document: dict[str, Any] = msgspec.to_builtins(behaviour)
    for name, value in patch.items():
        is_group = name in _GROUPS and isinstance(value, dict)
        document[name] = document[name] | value if is_group else value
    return msgspec.convert(document, Behaviour)


_GROUPS = frozenset(
    field.name
    for field in structs.fields(Behaviour)
    if isinstance(field.type, type) and issubclass(field.type, _Group)
)
