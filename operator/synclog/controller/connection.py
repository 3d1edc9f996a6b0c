"""Where the API server is and who we are there: one answer for the official client and Kopf."""

from collections.abc import Callable

import kopf
from kubernetes import config
from kubernetes.client.configuration import Configuration


def load(kubeconfig: str | None, context: str | None) -> Configuration:
    """Read the connection: a kubeconfig where one is named, else the pod's service account.

    Raises:
        ValueError: there is neither; the message says what to do.
    """
    configuration = Configuration()
    # The official client is typed in part only; these functions are not.
    from_pod: Callable[..., None] = config.load_incluster_config
    from_file: Callable[..., None] = config.load_kube_config
    try:
        if kubeconfig or context:
            from_file(kubeconfig, context, configuration)
        else:
            try:
                from_pod(configuration)
            except config.ConfigException:
                from_file(None, None, configuration)
    except config.ConfigException as error:
        raise ValueError(
            f"no way to the API server: {error}; run in a pod, or name a --kubeconfig"
        ) from error
    return configuration


def for_kopf(configuration: Configuration) -> kopf.ConnectionInfo:
    """The same connection as Kopf wants it, with a token that is fresh."""
    header = configuration.get_api_key_with_prefix("BearerToken") or ""
    scheme, _, token = header.partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        username=configuration.username or None,
        password=configuration.password or None,
        scheme=scheme if token else None,
        token=token or scheme or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy or None,
    )
