"""The Pod Security Standards ``baseline`` and ``restricted``, by the namespace's labels."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from devcluster.apiserver import errors
from devcluster.apiserver.errors import Cause, invalid_value
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.storage.store import Key, Store

_PREFIX = "pod-security.kubernetes.io"
_TEMPLATES = frozenset({"jobs.batch", "deployments.apps"})
_VERSION = re.compile(r"latest|v1\.\d+")
_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
        "persistentVolumeClaim", "projected", "secret",
    }
)  # fmt: skip
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    }
)  # fmt: skip


_SELINUX = frozenset(
    {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
)
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    }
)  # fmt: skip


def admit_pod_security(
    store: Store, resource: Resource, obj: Object, options: WriteOptions
) -> None:
    """Refuse a pod that violates the enforced level; warn about templates and warned levels.

    Raises:
        ApiError: 403.
    """
    if resource.qualified == "pods":
        spec = obj["spec"]
    elif resource.qualified in _TEMPLATES:
        spec = obj["spec"]["template"]["spec"]
    else:
        return
    namespace = store.get(Key("namespaces", "", obj["metadata"]["namespace"]))
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    for mode in ("enforce", "warn"):
        # Who does not say what to warn of is warned of what is enforced.
        said = mode if f"{_PREFIX}/{mode}" in labels else "enforce"
        level = labels.get(f"{_PREFIX}/{said}", "privileged")
        found = list(violations(spec, level))
        if not found:
            continue
        version = labels.get(f"{_PREFIX}/{said}-version", "latest")
        text = f'violate PodSecurity "{level}:{version}": {", ".join(found)}'
        if mode == "enforce" and resource.qualified == "pods":
            raise errors.forbidden("pods", "", name_of(obj), text.replace("violate", "violates", 1))
        if mode == "warn":
            options.warnings.append(f"would {text}")


def admit_levels(namespace: Object) -> None:
    """Refuse labels of a namespace that name no level or version of the standards.

    Raises:
        ApiError: 422.
    """
    if causes := list(_level_causes(namespace["metadata"].get("labels") or {})):
        raise errors.invalid("Namespace", "", name_of(namespace), causes)


def _level_causes(labels: Mapping[str, str]) -> Iterator[Cause]:
    for mode in ("enforce", "audit", "warn"):
        level, version = (labels.get(f"{_PREFIX}/{mode}{end}") for end in ("", "-version"))
        if level is not None and level not in {"privileged", "baseline", "restricted"}:
            where = f"metadata.labels[{_PREFIX}/{mode}]"
            yield invalid_value(where, level, "must be one of privileged, baseline, restricted")
        if version is not None and not _VERSION.fullmatch(version):
            where = f"metadata.labels[{_PREFIX}/{mode}-version]"
            yield invalid_value(where, version, 'must be "latest" or "v1.x"')


def violations(spec: Object, level: str) -> Iterator[str]:
    """What a level forbids about a pod's spec, in the standard's words."""
    if level in {"baseline", "restricted"}:
        yield from _baseline(spec)
    if level == "baseline":
        yield from _baseline_only(spec)
    if level == "restricted":
        yield from _restricted(spec)


def _containers(spec: Object) -> list[Object]:
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def _quoted(names: list[str], kind: str = "container") -> str:
    plural = kind if len(names) == 1 else f"{kind}s"
    return f"{plural} " + ", ".join(f'"{name}"' for name in names)


def _names(values: list[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def _context(container: Object) -> Any:
    return container.get("securityContext") or {}


def _baseline(spec: Object) -> Iterator[str]:
    yield from _apparmor(spec, _containers(spec))
    shared = [field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    if shared:
        yield f"host namespaces ({', '.join(f'{field}=true' for field in shared)})"
    containers = _containers(spec)
    if bad := [c["name"] for c in containers if _context(c).get("privileged")]:
        yield f"privileged ({_quoted(bad)} must not set securityContext.privileged=true)"
    if bad := [
        c["name"] for c in containers if any(p.get("hostPort") for p in c.get("ports") or ())
    ]:
        yield f"hostPort ({_quoted(bad)} uses hostPort)"
    yield from _selinux(spec, containers)
    sysctls = [entry["name"] for entry in _context(spec).get("sysctls") or ()]
    if bad := [name for name in sysctls if name not in _SYSCTLS]:
        yield f"forbidden sysctls ({', '.join(bad)})"


def _setters(spec: Object, containers: list[Object], wrong: Callable[[Any], bool]) -> str:
    """Who has a security context that is wrong, the pod or containers of it; empty for nobody."""
    named = [c["name"] for c in containers if wrong(_context(c))]
    return " and ".join(["pod"] * wrong(_context(spec)) + [_quoted(named)] * bool(named))


def _apparmor(spec: Object, containers: list[Object]) -> Iterator[str]:
    def unconfined(context: Any) -> bool:
        return (context.get("appArmorProfile") or {}).get("type") == "Unconfined"

    if who := _setters(spec, containers, unconfined):
        text = f'{who} must not set AppArmor profile type to "Unconfined"'
        yield f"forbidden AppArmor profile ({text})"


def _selinux(spec: Object, containers: list[Object]) -> Iterator[str]:
    def options(context: Any) -> Any:
        return context.get("seLinuxOptions") or {}

    def wrong(context: Any) -> bool:
        found = options(context)
        return bool(found.get("type", "") not in _SELINUX or found.get("user") or found.get("role"))

    who = _setters(spec, containers, wrong)
    if not who:
        return
    contexts = [options(_context(part)) for part in (spec, *containers)]
    kinds = sorted({found.get("type", "") for found in contexts} - _SELINUX)
    texts = [f"type{'s' * (len(kinds) > 1)} {_names(kinds)}"] if kinds else []
    set_too = [field for field in ("user", "role") if any(each.get(field) for each in contexts)]
    texts += [f"{field} may not be set" for field in set_too]
    yield (
        f"seLinuxOptions ({who} set forbidden securityContext.seLinuxOptions: {'; '.join(texts)})"
    )


def _baseline_only(spec: Object) -> Iterator[str]:
    """What ``restricted`` says in stricter words."""
    if bad := [v["name"] for v in spec.get("volumes") or () if "hostPath" in v]:
        yield f"hostPath volumes ({_quoted(bad, 'volume')})"
    for container in _containers(spec):
        added = set((_context(container).get("capabilities") or {}).get("add") or ())
        if extra := sorted(added - _CAPABILITIES):
            yield (
                f"non-default capabilities ({_quoted([container['name']])} must not include "
                f"{_names(extra)} in securityContext.capabilities.add)"
            )
    yield from _unconfined(spec)


def _unconfined(spec: Object) -> Iterator[str]:
    def wrong(context: Any) -> bool:
        return (context.get("seccompProfile") or {}).get("type") == "Unconfined"

    if who := _setters(spec, _containers(spec), wrong):
        yield (
            f"seccompProfile ({who} must not set securityContext.seccompProfile.type to "
            '"Unconfined")'
        )


def _restricted(spec: Object) -> Iterator[str]:
    containers, pod = _containers(spec), spec.get("securityContext") or {}
    if bad := [
        c["name"] for c in containers if _context(c).get("allowPrivilegeEscalation") is not False
    ]:
        yield (
            f"allowPrivilegeEscalation != false ({_quoted(bad)} must set "
            "securityContext.allowPrivilegeEscalation=false)"
        )
    if bad := [
        c["name"]
        for c in containers
        if "ALL" not in ((_context(c).get("capabilities") or {}).get("drop") or ())
    ]:
        yield (
            f"unrestricted capabilities ({_quoted(bad)} must set "
            'securityContext.capabilities.drop=["ALL"])'
        )
    for container in containers:
        added = set((_context(container).get("capabilities") or {}).get("add") or ())
        if extra := sorted(added - {"NET_BIND_SERVICE"}):
            yield (
                f"unrestricted capabilities ({_quoted([container['name']])} must not include "
                f"{_names(extra)} in securityContext.capabilities.add)"
            )
    yield from _restricted_volumes(spec.get("volumes") or ())
    yield from _non_root(containers, pod)
    found = list(_unconfined(spec))
    yield from found or _seccomp(containers, pod)


def _restricted_volumes(volumes: Sequence[Object]) -> Iterator[str]:
    types = {volume["name"]: volume.keys() - _VOLUMES - {"name"} for volume in volumes}
    if bad := [name for name, sources in types.items() if sources]:
        sources = sorted(set().union(*types.values()))
        uses, kinds = ("use", "types") if len(bad) > 1 else ("uses", "type")
        yield (
            f"restricted volume types ({_quoted(bad, 'volume')} {uses} restricted volume "
            f"{kinds} {_names(sources)})"
        )


def _non_root(containers: list[Object], pod: Object) -> Iterator[str]:
    inherited = pod.get("runAsNonRoot") is True
    bad = [c["name"] for c in containers if not _context(c).get("runAsNonRoot", inherited)]
    if bad:
        yield (
            f"runAsNonRoot != true (pod or {_quoted(bad)} must set "
            "securityContext.runAsNonRoot=true)"
        )
    root = [c["name"] for c in containers if _context(c).get("runAsUser") == 0]
    if pod.get("runAsUser") == 0:
        yield "runAsUser=0 (pod must not set runAsUser=0)"
    elif root:
        yield f"runAsUser=0 ({_quoted(root)} must not set runAsUser=0)"


def _seccomp(containers: list[Object], pod: Object) -> Iterator[str]:
    def profile(context: Object) -> Any:
        return (context.get("seccompProfile") or {}).get("type")

    allowed = {"RuntimeDefault", "Localhost"}
    inherited = profile(pod)
    bad = [c["name"] for c in containers if (profile(_context(c)) or inherited) not in allowed]
    if bad:
        yield (
            f"seccompProfile (pod or {_quoted(bad)} must set securityContext.seccompProfile.type "
            'to "RuntimeDefault" or "Localhost")'
        )
