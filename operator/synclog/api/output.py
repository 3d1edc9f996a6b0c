"""The form of the files: compression, records, folders."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from synclog.api.fields import Model, Rule, rules


class Compression(Enum):
    """How parts are compressed."""

    NONE = "None"
    GZIP = "Gzip"
    ZSTD = "Zstd"


class OutputFormat(Enum):
    """The form of the records in the parts."""

    SOURCE = "Source"
    JSON_LINES = "JSONLines"


class Output(Model, frozen=True, kw_only=True):
    """The form of the files."""

    compression: Annotated[Compression, Meta(description="How parts are compressed.")] = (
        Compression.GZIP
    )
    format: Annotated[
        OutputFormat,
        Meta(
            description="Form of the records: Source keeps the bytes that the source served; "
            "JSONLines is one JSON object a line, the same whichever route is read.",
            extra_json_schema=rules(
                Rule(
                    "self == oldSelf",
                    "format cannot change: the records of one ledger have one form; create "
                    "another SyncLogExport with a destination of its own",
                )
            ),
        ),
    ] = OutputFormat.SOURCE
    layout: Annotated[
        str,
        Meta(
            max_length=256,
            description="Folders of the parts, from the window's start in UTC: the fields are "
            "{year}, {month}, {day} and {hour}.",
            extra_json_schema=rules(
                Rule(
                    r"self.matches('^([-A-Za-z0-9=.]|[{](year|month|day|hour)[}]|/)*$') "
                    r"&& !self.startsWith('/') && !self.endsWith('/') "
                    r"&& !self.matches('(^|/)[.]') && !self.contains('//')",
                    "write folders such as year={year}/month={month}/day={day}; fields are "
                    "{year}, {month}, {day} and {hour}",
                )
            ),
        ),
    ] = "year={year}/month={month}/day={day}"
