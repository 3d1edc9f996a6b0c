"""What a user declares: the spec of a SyncLogExport, as typed models.

The CustomResourceDefinition is generated from these models (`synclog.api.crd`): types,
defaults, bounds and descriptions from the annotations, CEL rules from ``RULES``. A rule's
message says what to write instead. A pattern is written as a rule, because the message of a
schema pattern is a regular expression.
"""

from enum import Enum
from typing import Annotated, Any

from msgspec import Meta, field

from synclog.api.destination import Destination
from synclog.api.fields import (
    TIME_PATTERN,
    CaBundle,
    Duration,
    HttpsUrl,
    Model,
    Name,
    Rule,
    SecretKey,
    SpecTime,
    rules,
)


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
        Annotated[int, Meta(ge=1, le=10_000)] | None,
        Meta(description="Rows a page of the JSON route. Default: 500."),
    ] = None
    auth: Annotated[Auth, Meta(description="How the exporter gets its token.")]
    ca_bundle: Annotated[
        CaBundle | None,
        Meta(description="Certificate authorities to trust besides the public ones."),
    ] = None
    proxy: Annotated[HttpsUrl | None, Meta(description="HTTP proxy to go through.")] = None
    requests_per_minute: Annotated[
        Annotated[int, Meta(ge=1, le=6_000)] | None,
        Meta(description="Most requests a minute from one pod. Default: no limit."),
    ] = None
    max_rows_per_answer: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000_000,
            description="An answer with more rows than this may have met a cap of the source, and "
            "is proven by reading its halves.",
        ),
    ] = 10_000
    retention: Annotated[Duration, Meta(description="How long the source keeps its Sync Log.")] = (
        "90d"
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


class Rolling(Model, frozen=True, kw_only=True):
    """Everything from a start on, for ever."""

    RULES = (
        Rule(
            "has(self.from) == has(oldSelf.from) && (!has(self.from) || self.from == oldSelf.from)",
            "from cannot change: the ledger pins the start of coverage; create another "
            "SyncLogExport with a destination of its own",
        ),
    )

    from_: Annotated[
        SpecTime | None,
        Meta(description="First instant to export. Default: the oldest that the source has."),
    ] = field(default=None, name="from")
    settle_delay: Annotated[
        Duration,
        Meta(
            description="How old an instant must be before it is exported, so that late rows "
            "are in."
        ),
    ] = "15m"
    max_window: Annotated[
        Duration,
        Meta(
            description="Longest window: the unit of export, of retry and of parallel work.",
            extra_json_schema=rules(
                Rule(
                    "!self.matches('^(0+[mhd]|0*[1-5]?[0-9]s)$')",
                    "maxWindow must be at least 1m, write 24h",
                )
            ),
        ),
    ] = "24h"
    recheck_after: Annotated[
        list[Duration],
        Meta(
            max_length=4,
            description="How long after its end a window is read again, to find events that the "
            "source showed late. Empty: never.",
        ),
    ] = field(default_factory=lambda: ["24h", "7d"])


class Between(Model, frozen=True, kw_only=True):
    """A fixed range, exported once."""

    RULES = (
        Rule(
            # A text that is no time has its own refusal; one is enough.
            f"![self.start, self.end].all(t, t.matches('{TIME_PATTERN}')) "
            "|| timestamp(self.start) < timestamp(self.end)",
            "start must be before end: swap them or move the end",
        ),
        Rule(
            "self.start == oldSelf.start",
            "start cannot change: the ledger pins the start of coverage; create another "
            "SyncLogExport with a destination of its own",
        ),
    )

    start: Annotated[SpecTime, Meta(description="First instant of the range.")]
    end: Annotated[SpecTime, Meta(description="End of the range; not in the range itself.")]
    settle_delay: Annotated[
        Duration,
        Meta(
            description="How old an instant must be before it is exported, so that late rows "
            "are in."
        ),
    ] = "15m"
    max_window: Annotated[
        Duration,
        Meta(
            description="Longest window: the unit of export, of retry and of parallel work.",
            extra_json_schema=rules(
                Rule(
                    "!self.matches('^(0+[mhd]|0*[1-5]?[0-9]s)$')",
                    "maxWindow must be at least 1m, write 24h",
                )
            ),
        ),
    ] = "24h"
    recheck_after: Annotated[
        list[Duration],
        Meta(
            max_length=4,
            description="How long after its end a window is read again, to find events that the "
            "source showed late. Empty: never.",
        ),
    ] = field(default_factory=lambda: ["24h", "7d"])


class Range(Model, frozen=True, kw_only=True):
    """Which part of the Sync Log is exported: exactly one kind."""

    RULES = (
        Rule(
            "[has(self.rolling), has(self.between)].filter(x, x).size() == 1",
            "set exactly one of rolling and between",
        ),
        Rule(
            "has(self.rolling) == has(oldSelf.rolling)",
            "the kind of range cannot change; create another SyncLogExport with a destination "
            "of its own",
        ),
    )

    rolling: Annotated[Rolling | None, Meta(description="Everything from a start on.")] = None
    between: Annotated[Between | None, Meta(description="A fixed range.")] = None


class Compression(Enum):
    """How parts are compressed."""

    NONE = "None"
    GZIP = "Gzip"
    ZSTD = "Zstd"


class OutputFormat(Enum):
    """The form of the records in the parts."""

    SOURCE = "Source"


class Output(Model, frozen=True, kw_only=True):
    """The form of the files."""

    compression: Annotated[Compression, Meta(description="How parts are compressed.")] = (
        Compression.GZIP
    )
    format: Annotated[
        OutputFormat,
        Meta(
            description="Form of the records: Source keeps the bytes that the source served.",
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


class History(Model, frozen=True, kw_only=True):
    """How many finished Jobs are kept to look at."""

    successful: Annotated[int, Meta(ge=0, le=100, description="Successful Jobs to keep.")] = 3
    failed: Annotated[int, Meta(ge=0, le=100, description="Failed Jobs to keep.")] = 3


PodField = Annotated[
    dict[str, Any], Meta(extra_json_schema={"x-kubernetes-preserve-unknown-fields": True})
]
StringMap = Annotated[dict[str, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)]


class PodTemplate(Model, frozen=True, kw_only=True):
    """What the exporter's pods get besides what the operator gives them."""

    labels: Annotated[
        StringMap | None,
        Meta(description="Labels of the pods."),
    ] = None
    annotations: Annotated[
        StringMap | None,
        Meta(description="Annotations of the pods."),
    ] = None
    resources: Annotated[
        PodField | None, Meta(description="Requests and limits, as in a container.")
    ] = None
    node_selector: Annotated[
        StringMap | None,
        Meta(description="Labels that a node must have."),
    ] = None
    tolerations: Annotated[
        Annotated[list[PodField], Meta(max_length=32)] | None,
        Meta(description="Tolerations, as in a pod."),
    ] = None
    affinity: Annotated[PodField | None, Meta(description="Affinity, as in a pod.")] = None
    priority_class_name: Annotated[Name | None, Meta(description="PriorityClass of the pods.")] = (
        None
    )
    image_pull_secrets: Annotated[
        Annotated[list[PodField], Meta(max_length=16)] | None,
        Meta(description="Secrets to pull the image with, as in a pod."),
    ] = None
    service_account_name: Annotated[
        Name | None,
        Meta(description="ServiceAccount of the pods. They get no API token in any case."),
    ] = None
    env: Annotated[
        Annotated[list[PodField], Meta(max_length=64)] | None,
        Meta(description="More environment variables, as in a container."),
    ] = None
    security_context: Annotated[
        PodField | None,
        Meta(description="Fields that replace those of the pod's default security context."),
    ] = None


class SyncLogExportSpec(Model, frozen=True, kw_only=True):
    """What to export, from where, to where, and when."""

    schedule: Annotated[
        Annotated[str, Meta(min_length=1, max_length=128)] | None,
        Meta(
            description="When to export: five cron fields, @hourly, @daily, @weekly or @monthly. "
            "H in a field is a stable value chosen by namespace and name. Absent: run once.",
            extra_json_schema=rules(
                Rule(
                    r"self.matches('^(@(hourly|daily|weekly|monthly)|\\s*(\\S+\\s+){4}\\S+\\s*)$')",
                    "write five fields such as '30 2 * * *', or @hourly, @daily, @weekly or "
                    "@monthly",
                )
            ),
        ),
    ] = None
    time_zone: Annotated[
        str,
        Meta(min_length=1, max_length=64, description="IANA zone that the schedule is read in."),
    ] = "UTC"
    suspend: Annotated[
        bool,
        Meta(description="True starts no new run; a running one ends, and nothing is lost."),
    ] = False
    source: Annotated[Source, Meta(description="Where the Sync Log is read.")]
    range: Annotated[Range, Meta(description="Which part of it is exported.")]
    destination: Annotated[Destination, Meta(description="Where the files go.")]
    output: Annotated[Output, Meta(description="The form of the files.")] = field(
        default_factory=Output
    )
    parallelism: Annotated[
        int, Meta(ge=1, le=50, description="Windows of one run that are exported side by side.")
    ] = 2
    starting_deadline: Annotated[
        Duration | None,
        Meta(
            description="A tick that cannot start within this time is skipped and counted; its "
            "window is exported with the next tick. Default: ticks wait."
        ),
    ] = None
    run_timeout: Annotated[
        Duration, Meta(description="Longest time that the pod of one window may run.")
    ] = "1h"
    pending_timeout: Annotated[
        Duration, Meta(description="Longest time that a pod may wait before the run is given up.")
    ] = "10m"
    backoff_limit: Annotated[
        int, Meta(ge=0, le=100, description="Retries of one window inside one run.")
    ] = 4
    history: Annotated[History, Meta(description="Finished Jobs to keep.")] = field(
        default_factory=History
    )
    trigger: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(
            description="Any text. A new value means: run now. status.lastTrigger acknowledges.",
        ),
    ] = None
    adopt_ledger: Annotated[
        bool,
        Meta(
            description="True takes over a ledger that another SyncLogExport began. Set it only "
            "where that one is gone for good."
        ),
    ] = False
    pod_template: Annotated[
        PodTemplate | None, Meta(description="What the exporter's pods get in addition.")
    ] = None
