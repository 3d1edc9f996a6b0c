"""What ``fieldRef`` and ``resourceFieldRef`` of a pod stand for. Pure."""

import os
import re
from decimal import ROUND_CEILING
from typing import Any

from devcluster.podrunner.errors import ConfigError
from devcluster.podrunner.quantities import parse_quantity

_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_DEFAULTS = {"cpu": str(os.cpu_count() or 1), "memory": "1Gi", "ephemeral-storage": "1Gi"}


def field_value(pod: dict[str, Any], path: str) -> str:
    """The value of a field of the pod as text.

    Raises:
        ConfigError: the path names no field that pods offer.
    """
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if match := _KEYED.fullmatch(path):
        return str((meta.get(match[1]) or {}).get(match[2], ""))
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(meta[path.removeprefix("metadata.")])
        case "metadata.labels" | "metadata.annotations":
            pairs = meta.get(path.removeprefix("metadata.")) or {}
            return "\n".join(f'{key}="{_escape(pairs[key])}"' for key in sorted(pairs))
        case "spec.nodeName" | "spec.serviceAccountName":
            return str(spec.get(path.removeprefix("spec."), ""))
        case "status.podIP" | "status.hostIP" | "status.podIPs" | "status.hostIPs":
            return str(status.get("podIP", "127.0.0.1"))
    raise ConfigError(f"unsupported fieldPath: {path}")


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_value(pod: dict[str, Any], reference: dict[str, Any], container: str) -> str:
    """A request or limit of a container, in units of the divisor, rounded up.

    Raises:
        ConfigError: the reference names no container or resource.
    """
    name = reference.get("containerName") or container
    kind, _, resource = reference["resource"].partition(".")
    for candidate in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
        if candidate["name"] == name:
            given = (candidate.get("resources") or {}).get(kind) or {}
            amount = given.get(resource) or _DEFAULTS.get(resource, "0")
            divisor = parse_quantity(reference.get("divisor") or "1") or 1
            units = (parse_quantity(amount) / divisor).to_integral_value(ROUND_CEILING)
            return str(int(units))
    raise ConfigError(f"container {name} not found in pod")
