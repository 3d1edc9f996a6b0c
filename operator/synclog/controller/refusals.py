"""Why a resource is not served, besides what the API server and planning refuse."""

import re
from urllib.parse import urlsplit

from synclog.api.spec import SyncLogExportSpec
from synclog.controller.objects import Export
from synclog.controller.pods import problem_of

HARMLESS = (
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "LANG",
    "TZ",
)
"""Variables that a resource may set where hosts are limited. Too many others lead credentials
elsewhere: proxies, endpoints, the domains that names are looked up in, other code, authorities."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
"""A host that every library reads alike: some take a backslash for the end of the host."""


def refusal_of(export: Export, allowed_hosts: tuple[str, ...]) -> tuple[str, str] | None:
    """The reason and the sentence, or None where there is nothing against it.

    Args:
        export: the resource.
        allowed_hosts: hosts that credentials may be sent to; ``*.example.com`` stands for every
            host below it; nothing at all: any host.
    """
    spec = export.spec
    if spec is None:
        return "InvalidSpec", export.problem
    problem = problem_of(spec.pod_template) if spec.pod_template else None
    if problem:
        return "InvalidSpec", problem
    if not allowed_hosts:
        return None
    for field, url in _urls(spec):
        host = _host(url)
        if host is None or not any(_matches(host, pattern) for pattern in allowed_hosts):
            return "SourceHostNotAllowed", (
                f"spec.{field}: this operator sends credentials to "
                f"{', '.join(allowed_hosts)} only, not to {host or url}; ask who runs the operator"
            )
    for variable in (spec.pod_template.env if spec.pod_template else None) or ():
        if variable["name"] not in HARMLESS or "secretKeyRef" in (variable.get("valueFrom") or {}):
            return "SourceHostNotAllowed", (
                f"spec.podTemplate.env: {variable['name']} might lead credentials elsewhere; this "
                f"operator limits where they are sent, and takes {', '.join(HARMLESS)} only, and "
                "none from a Secret. For proxies, authorities and endpoints there are fields"
            )
    return None


def _urls(spec: SyncLogExportSpec) -> list[tuple[str, str]]:
    """Every URL of a host that sees credentials, with the field that names it.

    Whoever chooses the endpoint of a store, and the keys of the Secret that is sent to it, could
    have any Secret sent there.
    """
    source, auth, destination = spec.source, spec.source.auth, spec.destination
    client, user = auth.api_client, auth.user_password
    s3, gcs, azure = destination.s3, destination.gcs, destination.azure_blob
    urls = {
        "source.url": source.url,
        "source.proxy": source.proxy,
        "source.auth.apiClient.tokenUrl": client.token_url if client else None,
        "source.auth.userPassword.tokenUrl": user.token_url if user else None,
        "destination.s3.endpoint": s3.endpoint if s3 else None,
        "destination.gcs.endpoint": gcs.endpoint if gcs else None,
        "destination.azureBlob.endpoint": azure.endpoint if azure else None,
    }
    if azure and azure.endpoint is None and azure.credentials and azure.credentials.sas_token_key:
        # A SAS token is sent as it is; keys of other kinds sign only.
        urls["destination.azureBlob.account"] = f"https://{azure.account}.blob.core.windows.net"
    return [(field, url) for field, url in urls.items() if url is not None]


def _host(url: str) -> str | None:
    """The host of a URL; None where libraries may disagree about it."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return host if _HOST.fullmatch(host) else None


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
