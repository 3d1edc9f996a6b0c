"""What a user declares: the spec of a SyncLogExport, as typed models.

The CustomResourceDefinition is generated from these models (`synclog.api.crd`): types,
defaults, bounds and descriptions from the annotations, CEL rules from ``RULES``. A rule's
message says what to write instead. A pattern is written as a rule, because the message of a
schema pattern is a regular expression.
"""

from enum import Enum
from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, Struct, field


class Rule(NamedTuple):
    """A CEL validation rule, and the sentence that a user reads when it is broken."""

    rule: str
    message: str


def _rules(*rules: Rule) -> dict[str, Any]:
    return {
        "x-kubernetes-validations": [{"rule": r.rule, "message": r.message} for r in rules],
    }


class Model(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of the API: immutable, camelCase on the wire, tolerant of unknown fields."""

    RULES: ClassVar[tuple[Rule, ...]] = ()


Duration = Annotated[
    str,
    Meta(
        max_length=10,
        extra_json_schema=_rules(
            Rule(
                "self.matches('^[0-9]{1,6}(s|m|h|d)$')",
                "write a whole number and one unit, such as 30s, 15m, 24h or 90d",
            )
        ),
    ),
]
Time = Annotated[str, Meta(max_length=40, extra_json_schema={"format": "date-time"})]
_TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "([.][0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])$"
)
SpecTime = Annotated[
    str,
    Meta(
        max_length=40,
        extra_json_schema=_rules(
            Rule(
                f"self.matches('{_TIME}')",
                "write a time with its zone, such as 2026-01-31T00:00:00Z",
            )
        ),
    ),
]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=253,
        extra_json_schema=_rules(
            Rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                "write the object's name: lower-case letters, digits, '-' and '.'",
            )
        ),
    ),
]
SecretKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=253,
        extra_json_schema=_rules(
            Rule(
                "self.matches('^[-._a-zA-Z0-9]+$')",
                "write a key of the Secret's data: letters, digits, '-', '_' and '.'",
            )
        ),
    ),
]
HttpsUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=512,
        extra_json_schema=_rules(
            Rule(
                r"self.matches('^https?://[^/?#@\\s]+(/[^?#@\\s]*)?$')",
                "write a URL such as https://console.us.code42.com, without user, query or #",
            )
        ),
    ),
]


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


class CaBundle(Model, frozen=True, kw_only=True):
    """Certificate authorities to trust besides the public ones."""

    config_map_name: Annotated[
        Name, Meta(description="ConfigMap in the same namespace that holds the bundle.")
    ]
    key: Annotated[SecretKey, Meta(description="Key of the ConfigMap; its value is PEM.")] = (
        "ca.crt"
    )


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
            extra_json_schema=_rules(
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
            extra_json_schema=_rules(
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
            extra_json_schema=_rules(
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
            f"![self.start, self.end].all(t, t.matches('{_TIME}')) "
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
            extra_json_schema=_rules(
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


class PersistentVolumeClaim(Model, frozen=True, kw_only=True):
    """A volume in the same namespace."""

    claim_name: Annotated[
        Name, Meta(description="PersistentVolumeClaim in the same namespace that takes the files.")
    ]
    sub_path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=512)] | None,
        Meta(
            description="Folder inside the volume. One folder, one SyncLogExport.",
            extra_json_schema=_rules(
                Rule(
                    r"!self.startsWith('/') && !self.matches('(^|/)[.][.]?(/|$)')",
                    "write a relative folder such as synclog/prod, without '.' or '..'",
                )
            ),
        ),
    ] = None


Prefix = Annotated[
    str,
    Meta(
        max_length=256,
        description="Folder of this export inside it, such as synclog/prod. One folder, one "
        "SyncLogExport.",
        extra_json_schema=_rules(
            Rule(
                "self.matches('^([A-Za-z0-9_=][-A-Za-z0-9_=.]*(/[A-Za-z0-9_=][-A-Za-z0-9_=.]*)*)?$')",
                "write folders such as synclog/prod: letters, digits, '-', '_', '=' and '.', "
                "without a slash at either end",
            )
        ),
    ),
]
StoreEndpoint = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        extra_json_schema=_rules(
            Rule(
                r"self.matches('^https?://[^/?#@\\s]+(/[^?#@\\s]*[^/?#@\\s])?$')",
                "write a URL such as https://minio.example.com:9000, without user, query or "
                "final slash",
            )
        ),
    ),
]
AllowHttp = Annotated[
    bool,
    Meta(description="True takes an endpoint that is not encrypted: events travel readable."),
]
_PLAIN_HTTP = Rule(
    "!has(self.endpoint) || !self.endpoint.startsWith('http://') || self.allowHttp",
    "the endpoint is not encrypted: write https://, or allowHttp: true where the whole way to it "
    "is trusted",
)


class S3Credentials(Model, frozen=True, kw_only=True):
    """An access key, in a Secret."""

    secret_name: Annotated[
        Name, Meta(description="Secret in the same namespace that holds the access key.")
    ]
    access_key_id_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the access key id.")
    ] = "accessKeyId"
    secret_access_key_key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the secret access key.")
    ] = "secretAccessKey"
    session_token_key: Annotated[
        SecretKey | None,
        Meta(description="Key of the Secret that holds the session token of a temporary key."),
    ] = None


class S3EncryptionType(Enum):
    """Who keeps the keys that S3 encrypts with."""

    S3 = "S3"
    KMS = "KMS"


class S3Encryption(Model, frozen=True, kw_only=True):
    """How S3 encrypts what is written."""

    RULES = (
        Rule(
            "self.type == 'KMS' || !has(self.kmsKeyId)",
            "kmsKeyId belongs to KMS: set type: KMS or remove it",
        ),
    )

    type: Annotated[
        S3EncryptionType,
        Meta(description="S3: keys of the service (SSE-S3). KMS: a key of AWS KMS (SSE-KMS)."),
    ]
    kms_key_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(description="Id or ARN of the KMS key. Default: the account's key for S3."),
    ] = None


class S3(Model, frozen=True, kw_only=True):
    """A bucket of Amazon S3, or of a store that speaks its protocol."""

    RULES = (
        _PLAIN_HTTP,
        Rule(
            "!has(self.caBundle) || has(self.endpoint)",
            "caBundle belongs to an endpoint of your own: set endpoint or remove it",
        ),
    )

    bucket: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=63,
            description="Name of the bucket. It must exist.",
            extra_json_schema=_rules(
                Rule(
                    "self.matches('^[a-z0-9][-a-z0-9.]*[a-z0-9]$')",
                    "write the bucket's name alone: lower-case letters, digits, '-' and '.'",
                )
            ),
        ),
    ]
    prefix: Prefix = ""
    region: Annotated[
        Annotated[str, Meta(min_length=1, max_length=64)] | None,
        Meta(description="Region of the bucket. Default: AWS_REGION of the pod, else us-east-1."),
    ] = None
    endpoint: Annotated[
        StoreEndpoint | None,
        Meta(
            description="URL of a store that speaks the protocol, such as MinIO or Ceph. "
            "Default: Amazon S3 in the region."
        ),
    ] = None
    force_path_style: Annotated[
        bool | None,
        Meta(
            description="True names the bucket in the path, false in the host. Default: true with "
            "an endpoint, false on Amazon S3."
        ),
    ] = None
    allow_http: AllowHttp = False
    ca_bundle: Annotated[
        CaBundle | None,
        Meta(description="Certificate authorities to trust besides the public ones."),
    ] = None
    credentials: Annotated[
        S3Credentials | None,
        Meta(
            description="An access key. Default: the identity of the pod's service account (IRSA, "
            "EKS Pod Identity) or node."
        ),
    ] = None
    server_side_encryption: Annotated[
        S3Encryption | None,
        Meta(description="How S3 encrypts. Default: as the bucket says."),
    ] = None


class GcsCredentials(Model, frozen=True, kw_only=True):
    """The key of a Google service account, in a Secret."""

    secret_name: Annotated[Name, Meta(description="Secret in the same namespace with the key.")]
    key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the service account's JSON key.")
    ] = "key.json"


class Gcs(Model, frozen=True, kw_only=True):
    """A bucket of Google Cloud Storage."""

    RULES = (_PLAIN_HTTP,)

    bucket: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=222,
            description="Name of the bucket. It must exist.",
            extra_json_schema=_rules(
                Rule(
                    "self.matches('^[a-z0-9][-a-z0-9._]*[a-z0-9]$')",
                    "write the bucket's name alone: lower-case letters, digits, '-', '_' and '.'",
                )
            ),
        ),
    ]
    prefix: Prefix = ""
    endpoint: Annotated[
        StoreEndpoint | None,
        Meta(description="URL of the service. Default: https://storage.googleapis.com."),
    ] = None
    allow_http: AllowHttp = False
    credentials: Annotated[
        GcsCredentials | None,
        Meta(
            description="The key of a service account. Default: the identity of the pod's service "
            "account (Workload Identity) or node."
        ),
    ] = None


class AzureCredentials(Model, frozen=True, kw_only=True):
    """What opens a storage account, in a Secret: exactly one kind."""

    RULES = (
        Rule(
            "has(self.accountKeyKey) != has(self.sasTokenKey)",
            "set exactly one of accountKeyKey and sasTokenKey",
        ),
    )

    secret_name: Annotated[Name, Meta(description="Secret in the same namespace that holds it.")]
    account_key_key: Annotated[
        SecretKey | None,
        Meta(description="Key of the Secret that holds the account's shared key: it may all."),
    ] = None
    sas_token_key: Annotated[
        SecretKey | None,
        Meta(description="Key of the Secret that holds a SAS token with read, create and list."),
    ] = None


class AzureBlob(Model, frozen=True, kw_only=True):
    """A container of Azure Blob Storage."""

    RULES = (_PLAIN_HTTP,)

    account: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=24,
            description="Name of the storage account.",
            extra_json_schema=_rules(
                Rule(
                    "self.matches('^[a-z0-9]+$')",
                    "write the storage account's name: lower-case letters and digits",
                )
            ),
        ),
    ]
    container: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=63,
            description="Name of the container. It must exist.",
            extra_json_schema=_rules(
                Rule(
                    "self.matches('^[a-z0-9]+(-[a-z0-9]+)*$')",
                    "write the container's name: lower-case letters, digits and single '-'",
                )
            ),
        ),
    ]
    prefix: Prefix = ""
    endpoint: Annotated[
        StoreEndpoint | None,
        Meta(
            description="URL of the account's blob service, for clouds other than the public one. "
            "Default: https://ACCOUNT.blob.core.windows.net."
        ),
    ] = None
    allow_http: AllowHttp = False
    credentials: Annotated[
        AzureCredentials | None,
        Meta(
            description="A shared key or a SAS token. Default: the identity of the pod's service "
            "account (workload identity) or node."
        ),
    ] = None


_KINDS = ("persistentVolumeClaim", "s3", "gcs", "azureBlob")  # in the order of the fields
_SAME_KIND = " && ".join(f"has(self.{kind}) == has(oldSelf.{kind})" for kind in _KINDS)
_SAME_PLACE = " && ".join(
    f"(!has(self.{kind}) || !has(oldSelf.{kind}) || "
    + " && ".join(f"self.{kind}.{name} == oldSelf.{kind}.{name}" for name in names)
    + ")"
    for kind, names in (
        ("s3", ("bucket", "prefix")),
        ("gcs", ("bucket", "prefix")),
        ("azureBlob", ("account", "container", "prefix")),
    )
)
_SAME_VOLUME = (
    "(!has(self.persistentVolumeClaim) || !has(oldSelf.persistentVolumeClaim) || "
    "self.persistentVolumeClaim == oldSelf.persistentVolumeClaim)"
)


class Destination(Model, frozen=True, kw_only=True):
    """Where the files go. What identifies it cannot change: the ledger lives there."""

    RULES = (
        Rule(
            f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(x, x).size() == 1",
            "set exactly one of persistentVolumeClaim, s3, gcs and azureBlob",
        ),
        Rule(
            f"{_SAME_KIND} && {_SAME_VOLUME} && {_SAME_PLACE}",
            "destination cannot change: the ledger lives there; create another SyncLogExport, "
            "or move the files and create this one again",
        ),
    )

    persistent_volume_claim: Annotated[
        PersistentVolumeClaim | None, Meta(description="A volume in the same namespace.")
    ] = None
    s3: Annotated[
        S3 | None, Meta(description="A bucket of Amazon S3 or of a store that speaks its protocol.")
    ] = None
    gcs: Annotated[Gcs | None, Meta(description="A bucket of Google Cloud Storage.")] = None
    azure_blob: Annotated[
        AzureBlob | None, Meta(description="A container of Azure Blob Storage.")
    ] = None

    @property
    def kind(self) -> str:
        """The name of the field that is set, such as ``s3``; empty if none is."""
        fields = zip(_KINDS, self.__struct_fields__, strict=True)
        return next((kind for kind, name in fields if getattr(self, name) is not None), "")

    @property
    def url(self) -> str | None:
        """The destination in one string, as status and logs show it; None if there is none."""
        match self:
            case Destination(persistent_volume_claim=claim) if claim is not None:
                return f"pvc://{claim.claim_name}/{claim.sub_path or ''}"
            case Destination(s3=s3) if s3 is not None:
                return f"s3://{s3.bucket}/{s3.prefix}"
            case Destination(gcs=gcs) if gcs is not None:
                return f"gs://{gcs.bucket}/{gcs.prefix}"
            case Destination(azure_blob=azure) if azure is not None:
                return f"azure://{azure.account}/{azure.container}/{azure.prefix}"
        return None


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
            extra_json_schema=_rules(
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
            extra_json_schema=_rules(
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
            extra_json_schema=_rules(
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
