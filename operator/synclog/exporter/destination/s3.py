"""Amazon S3 and the stores that speak its protocol."""

import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from synclog.api.destination import REGION_PATTERN, S3, S3Credentials, S3EncryptionType
from synclog.exporter.destination.connection import (
    connection,
    connection_of_environment,
    opening,
)
from synclog.exporter.destination.failures import Act, Place
from synclog.exporter.destination.guarantee import LINK_LIFE, S3_HEADERS, Protection
from synclog.exporter.destination.objects import Bucket, Marks
from synclog.exporter.destination.secrets import read_again, secret
from synclog.exporter.errors import ConfigurationError

if TYPE_CHECKING:  # the library has these only for type checkers
    from obstore.store import S3Config, S3Credential

_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def mounted_key(names: S3Credentials, folder: Path) -> "S3Credential":
    """The access key that the files of a mounted Secret hold now.

    Raises:
        ConfigurationError: a file is missing, empty or no text.
    """
    token = names.session_token_key
    return {
        "access_key_id": secret(folder, names.access_key_id_key),
        "secret_access_key": secret(folder, names.secret_access_key_key),
        "token": secret(folder, token) if token else None,
        "expires_at": read_again(),
    }


def s3(spec: S3, *, auth: Path, ca: bytes | None = None) -> Bucket:
    """The destination that a spec means.

    Args:
        spec: the bucket.
        auth: folder with the files of the Secret that ``spec.credentials`` names.
        ca: authorities to trust besides the public ones, PEM.

    Raises:
        ConfigurationError: a file of the credentials is missing, empty or no text; the region is
            none; or the library makes no sense of what it is given.
    """
    _check_region(spec.region)
    provider = functools.partial(mounted_key, spec.credentials, auth) if spec.credentials else None
    if provider:
        provider()  # a missing file is told before anything is asked
    with opening(f"s3://{spec.bucket}", "AWS_"):
        store = S3Store(
            spec.bucket,
            config=_config(spec),
            credential_provider=provider,
            **connection(spec.prefix, allow_http=spec.allow_http, ca=ca),
        )
    encryption = spec.server_side_encryption
    return Bucket(
        store,
        _place(
            spec.bucket,
            spec.prefix,
            encryption=encryption.type if encryption is not None else None,
            tagged=bool(spec.tags),
        ),
        _protection(store, ca),
        marks=Marks(spec.storage_class, spec.tags or {}),
    )


def s3_of_environment(bucket: str, prefix: str) -> Bucket:
    """The destination that people name on the command line; AWS_* variables say the rest."""
    _check_region(None)
    with opening(f"s3://{bucket}", "AWS_"):
        store = S3Store(
            bucket,
            config={"checksum_algorithm": "SHA256"},
            **connection_of_environment(prefix, "AWS_ALLOW_HTTP"),
        )
    place = _place(bucket, prefix, encryption=None, tagged=False)
    return Bucket(store, place, _protection(store, None))


def _check_region(region: str | None) -> None:
    """Refuse a region that would lead to another host; the library takes it into the host's name.

    Raises:
        ConfigurationError: the spec or the environment has such a one.
    """
    # The library heeds the case of the prefix only.
    named = {name: value for name, value in os.environ.items() if name.upper() in _REGIONS}
    for where, found in {**named, "spec.destination.s3.region": region}.items():
        if found and not re.fullmatch(REGION_PATTERN, found):
            # What it says instead may come from a Secret.
            raise ConfigurationError(
                "WrongRegion", f"{where} is no region: write the name of one, such as eu-central-1"
            )


def _config(spec: S3) -> "S3Config":
    # The checksum is kept with the object; a bucket with Object Lock takes none without it.
    config: S3Config = {"checksum_algorithm": "SHA256"}
    if spec.region is not None:
        config["region"] = spec.region
    in_path = spec.force_path_style
    if in_path is None:
        # A dot in the name fits no certificate of Amazon's hosts.
        in_path = spec.endpoint is not None or "." in spec.bucket
    config["virtual_hosted_style_request"] = not in_path
    if spec.endpoint is not None:
        config["endpoint"] = spec.endpoint if in_path else _with_bucket(spec.endpoint, spec.bucket)
    if spec.server_side_encryption is not None:
        kms = spec.server_side_encryption.type is S3EncryptionType.KMS
        config["server_side_encryption"] = "aws:kms" if kms else "AES256"
        if spec.server_side_encryption.kms_key_id is not None:
            config["sse_kms_key_id"] = spec.server_side_encryption.kms_key_id
    return config


def _protection(store: S3Store, ca: bytes | None) -> Protection:
    return Protection(S3_HEADERS, lambda path: obstore.sign(store, "HEAD", path, LINK_LIFE), ca)


def _with_bucket(endpoint: str, bucket: str) -> str:
    parts = urlsplit(endpoint)
    return parts._replace(netloc=f"{bucket}.{parts.netloc}").geturl()


def _place(bucket: str, prefix: str, *, encryption: S3EncryptionType | None, tagged: bool) -> Place:
    objects = f"arn:aws:s3:::{bucket}/{prefix}{prefix and '/'}*"
    creating = "s3:PutObject and s3:PutObjectTagging" if tagged else "s3:PutObject"
    listing = f"s3:ListBucket on arn:aws:s3:::{bucket}"

    def with_key(right: str) -> str:
        match encryption:
            case S3EncryptionType.S3:
                return ""
            case S3EncryptionType.KMS:
                return f", and {right} on the key of serverSideEncryption"
        return f", and {right} on the bucket's key if it has one"

    return Place(
        url=f"s3://{bucket}/{prefix}",
        holder=f"bucket {bucket}",
        permissions={
            Act.CREATE: f"{creating} on {objects}{with_key('kms:GenerateDataKey')}",
            # Without the right to list, S3 calls an object that is missing forbidden.
            Act.READ: f"s3:GetObject on {objects} and {listing}{with_key('kms:Decrypt')}",
            Act.LIST: listing,
        },
    )
