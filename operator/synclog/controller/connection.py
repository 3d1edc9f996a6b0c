"""Where the API server is and who we are there: one answer for the gateway and Kopf."""

import asyncio
from collections.abc import Callable, Mapping

import aiohttp
import kopf
import yaml
from kubernetes import config
from kubernetes.client.configuration import Configuration
from kubernetes.client.rest import should_bypass_proxies

from synclog import __version__

CONNECT_TIMEOUT = 5.0
_TOKEN_KEPT = 10.0
"""Seconds that a token is used without asking for a fresh one."""


class Connection:
    """Requests to the API server in the event loop, over kept connections.

    Args:
        configuration: address and credentials, as the official client loads them.
        patience: seconds to wait for the next byte of an answer.
    """

    def __init__(self, configuration: Configuration, patience: float) -> None:
        self._configuration = configuration
        self._timeout = aiohttp.ClientTimeout(
            total=None, connect=min(CONNECT_TIMEOUT, patience), sock_read=patience
        )
        self._session: aiohttp.ClientSession | None = None
        self._header = ""
        self._fresh_until = 0.0
        self._renewing = asyncio.Lock()

    async def send(
        self, method: str, path: str, query: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request: status, headers and body of the answer, whatever they say.

        Raises:
            aiohttp.ClientError, OSError: there was no whole answer.
        """
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if authorization := await self._authorization():
            headers["Authorization"] = authorization
        if body is not None:
            patch = "merge-patch+" if method == "PATCH" else ""
            headers["Content-Type"] = f"application/{patch}json"
        async with self._opened().request(
            method, self._configuration.host + path, params=query, data=body, headers=headers
        ) as answer:
            content = await answer.read()
            if answer.status == 401:
                self._fresh_until = 0.0
            return answer.status, answer.headers, content

    async def close(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """The session. It belongs to the running loop, so it is made when it is first used."""
        if self._session is None:
            configuration = self._configuration
            direct = should_bypass_proxies(configuration.host, configuration.no_proxy or "")
            self._session = aiohttp.ClientSession(
                # How many there may be at once is for the throttle to say.
                connector=aiohttp.TCPConnector(limit=0, ssl=_info(configuration).as_ssl_context()),
                timeout=self._timeout,
                headers={"User-Agent": f"synclog-operator/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=None if direct else configuration.proxy,
            )
        return self._session

    async def _authorization(self) -> str:
        """The header with a token that is fresh."""
        loop = asyncio.get_running_loop()
        async with self._renewing:
            if loop.time() >= self._fresh_until:
                try:
                    info = await asyncio.to_thread(for_kopf, self._configuration)
                except config.ConfigException as error:  # such as a token's file that is empty
                    raise OSError(f"no token: {error}") from error
                self._header = info.as_http_headers().get("Authorization", "")
                self._fresh_until = loop.time() + _TOKEN_KEPT
        return self._header


def load(kubeconfig: str | None, context: str | None) -> Configuration:
    """Read the connection: a kubeconfig where one is named, else the pod's service account.

    Raises:
        ValueError: there is neither, or Kopf cannot use it; the message says what to do.
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
    except (config.ConfigException, OSError, yaml.YAMLError) as error:
        raise ValueError(
            f"no way to the API server: {error}; run in a pod, or name a --kubeconfig"
        ) from error
    if configuration.tls_server_name:
        raise ValueError(
            "the kubeconfig has a tls-server-name, which watches cannot use: name the API server "
            "by a host that its certificate has"
        )
    return configuration


def for_kopf(configuration: Configuration) -> kopf.ConnectionInfo:
    """The same connection as Kopf wants it, with a token that is fresh.

    To get one may read a file or run a program.
    """
    return _info(configuration, configuration.get_api_key_with_prefix("BearerToken") or "")


def _info(configuration: Configuration, header: str = "") -> kopf.ConnectionInfo:
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
