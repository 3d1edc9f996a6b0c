"""The Pod Security Standards ``baseline`` and ``restricted``, by the namespace's labels."""

from collections.abc import Iterator
from typing import Any

from devcluster.apiserver import errors
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.storage.store import Key, Store

_PREFIX = "pod-security.kubernetes.io"
_TEMPLATES = frozenset({"jobs.batch", "deployments.apps"})
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
        level = labels.get(f"{_PREFIX}/{mode}", "privileged")
        found = list(violations(spec, level))
        if not found:
            continue
        version = labels.get(f"{_PREFIX}/{mode}-version", "latest")
        text = f'violate PodSecurity "{level}:{version}": {", ".join(found)}'
        if mode == "enforce" and resource.qualified == "pods":
            raise errors.forbidden("pods", "", name_of(obj), text.replace("violate", "violates", 1))
        if mode == "warn":
            options.warnings.append(f"would {text}")


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


def _restricted(spec: Object) -> Iterator[str]:
    containers, pod = _containers(spec), spec.get("securityContext") or {}
    for volume in spec.get("volumes") or ():
        for source in volume.keys() - _VOLUMES - {"name"}:
            shown = _quoted([volume["name"]], "volume")
            yield f'restricted volume types ({shown} uses restricted volume type "{source}")'
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
    yield from _non_root(containers, pod)
    yield from _seccomp(containers, pod)


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
    wrong = [c["name"] for c in containers if profile(_context(c)) not in {*allowed, None}]
    if wrong:
        types = _names(sorted({profile(_context(c)) for c in containers if c["name"] in wrong}))
        yield (
            f"seccompProfile ({_quoted(wrong)} must not set "
            f"securityContext.seccompProfile.type to {types})"
        )
        return
    bad = [c["name"] for c in containers if (profile(_context(c)) or inherited) not in allowed]
    if bad:
        yield (
            f"seccompProfile (pod or {_quoted(bad)} must set securityContext.seccompProfile.type "
            'to "RuntimeDefault" or "Localhost")'
        )
