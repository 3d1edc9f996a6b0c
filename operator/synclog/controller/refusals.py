"""Why a resource is not served, besides what the API server and planning refuse."""

from urllib.parse import urlsplit

from synclog.api.spec import Source
from synclog.controller.objects import Export
from synclog.controller.pods import problem_of

_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}


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
    for field, host in _hosts(spec.source):
        if not any(_matches(host, pattern) for pattern in allowed_hosts):
            return "SourceHostNotAllowed", (
                f"spec.source.{field}: this operator sends credentials to "
                f"{', '.join(allowed_hosts)} only, not to {host}; ask who runs the operator"
            )
    for variable in (spec.pod_template.env if spec.pod_template else None) or ():
        if str(variable.get("name", "")).lower() in _PROXIES:
            return "SourceHostNotAllowed", (
                f"spec.podTemplate.env: {variable['name']} would send credentials another way; "
                "write spec.source.proxy"
            )
    return None


def _hosts(source: Source) -> list[tuple[str, str]]:
    """Every host that sees credentials, with the field that names it."""
    auth = source.auth
    urls = {
        "url": source.url,
        "proxy": source.proxy,
        "auth.apiClient.tokenUrl": auth.api_client.token_url if auth.api_client else None,
        "auth.userPassword.tokenUrl": auth.user_password.token_url if auth.user_password else None,
    }
    return [(field, _host(url)) for field, url in urls.items() if url is not None]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
