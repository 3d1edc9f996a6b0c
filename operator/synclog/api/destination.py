"""Where the files of an export go, as typed models."""

from enum import Enum
from typing import Annotated

from msgspec import Meta

from synclog.api.fields import Model, Name, Rule, SecretKey, rules
from synclog.api.store_fields import (
    PLAIN_HTTP,
    PRIVATE_AUTHORITIES,
    AllowHttp,
    Prefix,
    StorageClass,
    StoreCaBundle,
    StoreEndpoint,
    Tags,
)


class PersistentVolumeClaim(Model, frozen=True, kw_only=True):
    """A volume in the same namespace."""

    claim_name: Annotated[
        Name, Meta(description="PersistentVolumeClaim in the same namespace that takes the files.")
    ]
    sub_path: Annotated[
        Annotated[str, Meta(min_length=1, max_length=512)] | None,
        Meta(
            description="Folder inside the volume. One folder, one SyncLogExport.",
            extra_json_schema=rules(
                Rule(
                    r"!self.startsWith('/') && !self.matches('(^|/)[.][.]?(/|$)')",
                    "write a relative folder such as synclog/prod, without '.' or '..'",
                )
            ),
        ),
    ] = None


REGION_PATTERN = "^[-_.A-Za-z0-9]+$"
"""The region is a part of the name of Amazon's hosts: with a slash in it, the host is another's."""
Region = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra_json_schema=rules(
            Rule(
                f"self.matches('{REGION_PATTERN}')",
                "write the region's name such as eu-central-1: letters, digits, '-', '_' and '.'",
            )
        ),
    ),
]


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
        PLAIN_HTTP,
        PRIVATE_AUTHORITIES,
        Rule(
            "!has(self.storageClass) || !(self.storageClass in ['GLACIER', 'DEEP_ARCHIVE'])",
            "objects of this class cannot be read at once, so nothing could be verified: write "
            "GLACIER_IR, or move the parts later with a lifecycle rule",
        ),
        Rule(
            "!has(self.endpoint) || !has(self.forcePathStyle) || self.forcePathStyle || "
            r"!self.endpoint.matches('^https?://([0-9.]+|\\[[^/]*\\])(:|/|$)')",
            "an address has no sub-domain for the bucket: write the name of a host in endpoint, or "
            "forcePathStyle: true",
        ),
        Rule(
            # An interface endpoint (VPC) is the one of Amazon's with something before the service.
            "!has(self.endpoint) || self.endpoint.contains('.vpce.') || "
            "!self.endpoint.matches('^https?://[^/]+[.]s3[.-][^/]*amazonaws[.]com')",
            "write the endpoint without the bucket, such as https://s3.eu-central-1.amazonaws.com",
        ),
    )

    bucket: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=63,
            description="Name of the bucket. It must exist.",
            extra_json_schema=rules(
                Rule(
                    "self.matches('^[a-z0-9][-a-z0-9.]*[a-z0-9]$')",
                    "write the bucket's name alone: lower-case letters, digits, '-' and '.'",
                ),
                Rule(
                    "!self.endsWith('--x-s3')",
                    "directory buckets are reached in another way: name a general purpose bucket",
                ),
            ),
        ),
    ]
    prefix: Prefix = ""
    region: Annotated[
        Region | None,
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
    ca_bundle: StoreCaBundle = None
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
    storage_class: Annotated[
        StorageClass | None,
        Meta(
            description="Storage class of the parts, such as STANDARD_IA; the ledger's small files "
            "have the bucket's. Default: as the bucket says."
        ),
    ] = None
    tags: Tags | None = None


class GcsCredentials(Model, frozen=True, kw_only=True):
    """The key of a Google service account, in a Secret."""

    secret_name: Annotated[Name, Meta(description="Secret in the same namespace with the key.")]
    key: Annotated[
        SecretKey, Meta(description="Key of the Secret that holds the service account's JSON key.")
    ] = "key.json"


class Gcs(Model, frozen=True, kw_only=True):
    """A bucket of Google Cloud Storage."""

    RULES = (PLAIN_HTTP, PRIVATE_AUTHORITIES)

    bucket: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=222,
            description="Name of the bucket. It must exist.",
            extra_json_schema=rules(
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
    ca_bundle: StoreCaBundle = None
    credentials: Annotated[
        GcsCredentials | None,
        Meta(
            description="The key of a service account. Default: the identity of the pod's service "
            "account (Workload Identity) or node."
        ),
    ] = None
    storage_class: Annotated[
        StorageClass | None,
        Meta(
            description="Storage class of the parts, such as NEARLINE; the ledger's small files "
            "have the bucket's. Default: as the bucket says."
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


class AccessTier(Enum):
    """Where Azure keeps a blob. Not Archive: nothing could be read, so nothing verified."""

    HOT = "Hot"
    COOL = "Cool"
    COLD = "Cold"


class AzureBlob(Model, frozen=True, kw_only=True):
    """A container of Azure Blob Storage."""

    RULES = (PLAIN_HTTP, PRIVATE_AUTHORITIES)

    account: Annotated[
        str,
        Meta(
            min_length=3,
            max_length=24,
            description="Name of the storage account.",
            extra_json_schema=rules(
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
            extra_json_schema=rules(
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
    ca_bundle: StoreCaBundle = None
    credentials: Annotated[
        AzureCredentials | None,
        Meta(
            description="A shared key or a SAS token. Default: the identity of the pod's service "
            "account (workload identity) or node."
        ),
    ] = None
    access_tier: Annotated[
        AccessTier | None,
        Meta(
            description="Access tier of the parts; the ledger's small files have the account's. "
            "Default: as the account says."
        ),
    ] = None
    tags: Tags | None = None


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
