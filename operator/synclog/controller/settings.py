"""The operator's settings: flags, environment variables, and why each has its default."""

import os
import re
import socket
import uuid
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from synclog import __version__
from synclog.windows import SECOND, parse_duration

ENV_PREFIX = "SYNCLOG_OPERATOR_"
_QUANTITY = re.compile(r"\d+(\.\d+)?([kMGTPE]|[KMGTPE]i)?", re.ASCII)
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text) / SECOND
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    if not seconds:
        raise ArgumentTypeError(f"{text} is no time to wait: write a number above 0")
    return seconds


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _switch(text: str) -> bool:
    word = text.strip().lower()
    if word in ("true", "yes", "on", "1"):
        return True
    if word in ("false", "no", "off", "0"):
        return False
    raise ArgumentTypeError(f"{text!r} is neither true nor false")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return rate


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ArgumentTypeError(f"{text!r} is no address such as 0.0.0.0:8080 or [::]:8080")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 - probes and Prometheus come from outside the pod


def _quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no quantity such as 10Gi")
    return text


def _choice(*words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        for word in words:
            if word.lower() == text.lower():
                return word
        raise ArgumentTypeError(f"{text!r} is none of {', '.join(words)}")

    return check


def _setting(parse: Callable[[str], Any], default: str, text: str, metavar: str) -> Any:
    metadata = {"parse": parse, "default": default, "help": text, "metavar": metavar}
    return field(metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set. A flag wins over its environment variable."""

    namespaces: tuple[str, ...] = _setting(
        _names, "", "Namespaces to serve, with commas between. Empty: the whole cluster.", "NAMES"
    )
    image: str = _setting(
        str,
        f"synclog/synclog-operator:{__version__}",
        "Image of the exporter's pods. The default is the operator's own version: the two speak "
        "one protocol.",
        "IMAGE",
    )
    image_pull_policy: str = _setting(
        _choice("Always", "IfNotPresent", "Never"),
        "IfNotPresent",
        "When that image is pulled. The default fits tags that never move.",
        "POLICY",
    )
    spool_size: str = _setting(
        _quantity,
        "10Gi",
        "Most that one pod may keep on its node while it proves a window complete. A window of "
        "the default 24 h is far smaller; a pod that needs more is evicted.",
        "QUANTITY",
    )
    allowed_source_hosts: tuple[str, ...] = _setting(
        _names,
        "",
        "Hosts that credentials may be sent to, with commas between; *.code42.com stands for "
        "every host below. Empty: any. Who may create a SyncLogExport can send the Secrets of "
        "its namespace to spec.source.url.",
        "HOSTS",
    )
    resync: float = _setting(
        _seconds,
        "5m",
        "How often everything is listed, to find what watches missed. Shorter costs the API "
        "server; longer leaves a missed deletion unnoticed.",
        "DURATION",
    )
    workers: int = _setting(
        _positive,
        "1000",
        "Exports that are looked at side by side. They wait for the API server, where Jobs go "
        "first: of exports that are due at once, so many have their Jobs before the rest is told.",
        "N",
    )
    api_qps: float = _setting(
        _rate,
        "200",
        "Most requests a second to the API server, over time. A thousand exports that are due "
        "in one minute then have their Jobs within ten seconds.",
        "N",
    )
    api_burst: int = _setting(_positive, "300", "Requests that may come at once after a rest.", "N")
    api_concurrency: int = _setting(
        _positive, "16", "Most requests under way at once; each needs a connection.", "N"
    )
    listen: tuple[str, int] = _setting(
        _address, "0.0.0.0:8080", "Address of /metrics, /healthz and /readyz.", "HOST:PORT"
    )
    leader_election: bool = _setting(
        _switch,
        "true",
        "Whether a Lease decides which replica acts. Without it run one replica only.",
        "BOOL",
    )
    lease_name: str = _setting(
        str,
        "synclog-operator",
        "Name of the Lease; one for each set of namespaces. The rules of deploy/ name it too.",
        "NAME",
    )
    lease_namespace: str = _setting(
        str, "", "Namespace of the Lease. Default: the pod's own, else default.", "NAME"
    )
    lease_duration: float = _setting(
        _seconds, "15s", "A Lease that was not renewed for so long may be taken over.", "DURATION"
    )
    renew_deadline: float = _setting(
        _seconds,
        "10s",
        "A leader that could not renew for so long stops. Must be shorter than the lease: it "
        "has to stop before another one starts.",
        "DURATION",
    )
    retry_period: float = _setting(_seconds, "2s", "Time between two tries to renew.", "DURATION")
    log_format: str = _setting(
        _choice("json", "text"), "json", "Form of the log lines, also of the exporter's.", "FORMAT"
    )
    log_level: str = _setting(
        _choice("debug", "info", "warning", "error"), "info", "Least severe lines shown.", "LEVEL"
    )
    kubeconfig: str = _setting(
        str, "", "Kubeconfig file. Default: the pod's service account, else $KUBECONFIG.", "FILE"
    )
    context: str = _setting(str, "", "Context of the kubeconfig. Default: its current one.", "NAME")

    @property
    def identity(self) -> str:
        """Who this process is: readable, and never the same twice."""
        return f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"


def add_flags(parser: ArgumentParser) -> None:
    """Add one flag for each setting; its help names variable and default."""
    for setting in fields(Settings):
        default = setting.metadata["default"]
        shown = f"default: {default}" if default else "default: empty"
        text = f"{setting.metadata['help']} ({variable_of(setting.name)}; {shown})"
        parser.add_argument(
            flag_of(setting.name),
            dest=setting.name,
            metavar=setting.metadata["metavar"],
            help=text.replace("%", "%%"),
        )


def read(flags: Mapping[str, str | None], environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from flags, else the environment, else defaults.

    Raises:
        ValueError: a value cannot be used; the message names flag or variable.
    """
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        name, text = flag_of(setting.name), flags.get(setting.name)
        if text is None and environ.get(variable_of(setting.name), "") != "":
            name = variable_of(setting.name)
            text = environ[name]
        try:
            values[setting.name] = setting.metadata["parse"](
                setting.metadata["default"] if text is None else text
            )
        except ArgumentTypeError as error:
            raise ValueError(f"{name}: {error}") from error
    values["lease_namespace"] = values["lease_namespace"] or _own_namespace()
    settings = Settings(**values)
    if not settings.retry_period < settings.renew_deadline < settings.lease_duration:
        raise ValueError(
            "--retry-period must be shorter than --renew-deadline, and that shorter than "
            "--lease-duration"
        )
    return settings


def flag_of(name: str) -> str:
    """The flag of a setting: ``api_qps`` is ``--api-qps``."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable of a setting: ``api_qps`` is ``SYNCLOG_OPERATOR_API_QPS``."""
    return ENV_PREFIX + name.upper()


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or "default"
    except OSError:
        return "default"
