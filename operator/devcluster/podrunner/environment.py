"""The environment of a container, and what its command becomes with it."""

import re
from collections.abc import Mapping
from typing import Any

from devcluster.podrunner.errors import ConfigError
from devcluster.podrunner.fields import field_value, resource_value
from devcluster.podrunner.lookup import Keys, Lookup

_REFERENCE = re.compile(r"\$\$|\$\(([^()]+)\)")


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` of known variables; ``$$`` stands for one dollar sign."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


async def build_environment(
    pod: dict[str, Any], container: dict[str, Any], lookup: Lookup
) -> dict[str, str]:
    """The variables that the pod gives to a container: ``envFrom``, then ``env`` in order.

    Raises:
        ConfigError: a Secret, a ConfigMap, a key or a field that is not optional is missing.
    """
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for kind in ("configMapRef", "secretRef"):
            if kind in source:
                keys = await _keys(kind, source[kind], lookup)
                for key, data in keys.items():
                    variables[prefix + key] = data.decode(errors="replace")
    for entry in container.get("env") or ():
        value = await _value(pod, container, entry, lookup, variables)
        if value is not None:
            variables[entry["name"]] = value
    return variables


async def _value(
    pod: dict[str, Any],
    container: dict[str, Any],
    entry: dict[str, Any],
    lookup: Lookup,
    variables: Mapping[str, str],
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", variables)
    if "fieldRef" in source:
        return field_value(pod, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource_value(pod, source["resourceFieldRef"], container["name"])
    for kind, word in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if kind in source:
            reference = source[kind]
            keys = await _keys(kind, reference, lookup)
            if reference["key"] in keys:
                return keys[reference["key"]].decode(errors="replace")
            if reference.get("optional"):
                return None
            where = f"{word} {pod['metadata']['namespace']}/{reference.get('name', '')}"
            raise ConfigError(f"couldn't find key {reference['key']} in {where}")
    raise ConfigError(f"variable {entry['name']} has an unknown source: {', '.join(source)}")


async def _keys(kind: str, reference: dict[str, Any], lookup: Lookup) -> Keys:
    name = reference.get("name", "")
    secret = kind.startswith("secret")
    keys = await (lookup.secret(name) if secret else lookup.config_map(name))
    if keys is None and not reference.get("optional"):
        raise ConfigError(f'{"secret" if secret else "configmap"} "{name}" not found')
    return keys or {}
