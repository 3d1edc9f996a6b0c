"""Where the Sync Log is read: the tenant, the route, and how the exporter gets its token."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from synclog.api.fields import (
    CaBundle,
    Duration,
    HttpsUrl,
    Model,
    Name,
    Rule,
    SecretKey,
    rules,
)

RETENTION = "90d"
"""How long the source keeps its Sync Log, as its vendor says."""

MOST_PER_PAGE = 10_000
MOST_PER_MINUTE = 6_000
MOST_ROWS = 10_000_000


class SourceFormat(Enum):
    """Which of the source's two routes is read."""

    CSV = "CSV"
    JSON = "JSON"


class SortDirection(Enum):
    """The direction in which the JSON route sorts."""

    ASC = "asc"
    DESC = "desc"


class SortColumn(Enum):
    """The columns that the JSON route can sort by."""

    ACTION = "action"
    FIELD = "field"
    LOG_EVENT_TIME_STAMP = "logEventTimeStamp"
    NEW_VALUE = "newValue"
    OLD_VALUE = "oldValue"
    PROVIDER_NAME = "providerName"
    USERNAME = "username"


class Sort(Model, frozen=True, kw_only=True):
    """How the JSON route sorts its pages."""

    column: Annotated[
        SortColumn, Meta(description="Column to sort by. Only the time stamp pages stably.")
    ] = SortColumn.LOG_EVENT_TIME_STAMP
    direction: Annotated[SortDirection, Meta(description="Sort direction.")] = SortDirection.ASC


class ApiClientAuth(Model, frozen=True, kw_only=True):
    """An API client of the source: a client id and its secret."""

    secret_name: Annotated[
        Name, Meta(description="Secret in the same namespace that holds the id and the secret.")
    ]
    client_id_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the client id.")
    ] = "clientId"
    client_secret_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the client secret.")
    ] = "clientSecret"
    token_url: Annotated[
        HttpsUrl | None,
        Meta(
            description="Where tokens are asked for. Default: /api/v3/oauth/token of source.url; "
            "for the API gateway write https://api.us.code42.com/v1/oauth."
        ),
    ] = None


class UserPasswordAuth(Model, frozen=True, kw_only=True):
    """A local user of the source. SSO users cannot get a token this way."""

    secret_name: Annotated[
        Name, Meta(description="Secret in the same namespace that holds user and password.")
    ]
    username_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the user name.")
    ] = "username"
    password_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the password.")
    ] = "password"
    totp_seed_key: Annotated[
        SecretKey | None,
        Meta(description="Key of the Secret that holds the base32 TOTP seed, where one is set."),
    ] = None
    token_url: Annotated[
        HttpsUrl | None,
        Meta(description="Where tokens are asked for. Default: /api/v3/auth/jwt of source.url."),
    ] = None


class BearerTokenAuth(Model, frozen=True, kw_only=True):
    """A token made elsewhere. It cannot be refreshed, so a long run may outlive it."""

    secret_name: Annotated[
        Name, Meta(description="Secret in the same namespace that holds the token.")
    ]
    token_key: Annotated[SecretKey, Meta(description="Key of the Secret that holds the token.")] = (
        "token"
    )


class Auth(Model, frozen=True, kw_only=True):
    """How the exporter gets its token: exactly one way."""

    RULES = (
        Rule(
            "[has(self.apiClient), has(self.userPassword), has(self.bearerToken)]"
            ".filter(x, x).size() == 1",
            "set exactly one of apiClient, userPassword and bearerToken",
        ),
    )

    api_client: Annotated[
        ApiClientAuth | None, Meta(description="An API client. Best for unattended use.")
    ] = None
    user_password: Annotated[
        UserPasswordAuth | None, Meta(description="A local user with a password.")
    ] = None
    bearer_token: Annotated[BearerTokenAuth | None, Meta(description="A ready token.")] = None


class Source(Model, frozen=True, kw_only=True):
    """The Code42 / Incydr / CrashPlan tenant whose Sync Log is exported."""

    RULES = (
        Rule(
            "has(self.tenant) == has(oldSelf.tenant) && "
            "(!has(self.tenant) || self.tenant == oldSelf.tenant)",
            "tenant cannot change: the ledger belongs to one tenant; create another "
            "SyncLogExport with a destination of its own",
        ),
        Rule(
            "self.format == 'JSON' || (!has(self.sort) && !has(self.pageSize))",
            "sort and pageSize belong to the JSON route: set format: JSON or remove them",
        ),
    )

    url: Annotated[
        HttpsUrl, Meta(description="The request URL, such as https://console.us.code42.com.")
    ]
    path: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=256,
            description="Path of the Sync Log. CrashPlan uses /c42api/v3/DirectorySyncLog.",
            extra_json_schema=rules(
                Rule(
                    r"self.matches('^/[^?#\\s]*[^?#/\\s]$')",
                    "write a path such as /api/v3/DirectorySyncLog, without query or final slash",
                )
            ),
        ),
    ] = "/api/v3/DirectorySyncLog"
    format: Annotated[
        SourceFormat,
        Meta(
            description="Route to read: CSV in one answer, or JSON in pages.",
            extra_json_schema=rules(
                Rule(
                    "self == oldSelf",
                    "format cannot change: the records of one ledger have one form; create "
                    "another SyncLogExport with a destination of its own",
                )
            ),
        ),
    ] = SourceFormat.CSV
    sort: Annotated[
        Sort | None,
        Meta(description="Order of the JSON route. Default: by time stamp, ascending."),
    ] = None
    page_size: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_PER_PAGE)] | None,
        Meta(description="Rows a page of the JSON route. Default: 500."),
    ] = None
    auth: Annotated[Auth, Meta(description="How the exporter gets its token.")]
    ca_bundle: Annotated[
        CaBundle | None,
        Meta(description="Certificate authorities to trust besides the public ones."),
    ] = None
    proxy: Annotated[HttpsUrl | None, Meta(description="HTTP proxy to go through.")] = None
    requests_per_minute: Annotated[
        Annotated[int, Meta(ge=1, le=MOST_PER_MINUTE)] | None,
        Meta(description="Most requests a minute from one pod. Default: no limit."),
    ] = None
    max_rows_per_answer: Annotated[
        int,
        Meta(
            ge=1,
            le=MOST_ROWS,
            description="An answer with more rows than this may have met a cap of the source, and "
            "is proven by reading its halves.",
        ),
    ] = 10_000
    retention: Annotated[Duration, Meta(description="How long the source keeps its Sync Log.")] = (
        RETENTION
    )
    assume_time_zone: Annotated[
        Annotated[str, Meta(max_length=64)] | None,
        Meta(
            description="IANA zone of times that the source serves without a zone. Default: such "
            "times are refused.",
        ),
    ] = None
    tenant: Annotated[
        Annotated[str, Meta(min_length=1, max_length=253)] | None,
        Meta(
            description="Name of the tenant in the ledger. Default: the host of url. Set it where "
            "the host may be renamed.",
        ),
    ] = None
