"""Defaults and rules of a pod's spec, shared by pods and by the templates of workloads."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    duplicate,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from devcluster.apiserver.kinds.labels import label_map_causes
from devcluster.apiserver.kinds.placement import affinity_causes, toleration_causes
from devcluster.apiserver.kinds.requests import resource_causes
from devcluster.apiserver.kinds.strategy import label_causes, subdomain_causes
from devcluster.apiserver.schema.quantity import amount

_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_POLICIES = {
    "fsGroupChangePolicy": ("Always", "OnRootMismatch"),
    "supplementalGroupsPolicy": ("Merge", "Strict"),
}
_SECCOMP = ("Localhost", "RuntimeDefault", "Unconfined")
_LARGEST = 2147483647
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['.*'\])"
    r"|spec\.(nodeName|serviceAccountName|hostname|restartPolicy|schedulerName|hostNetwork)"
    r"|status\.(phase|hostIPs?|podIPs?|nominatedNodeName)"
)
_VARIABLE_DETAIL = (
    "a valid environment variable name must consist only of printable ASCII characters other "
    "than '='"
)
_SOURCES = frozenset(
    {
        "configMap", "downwardAPI", "emptyDir", "ephemeral", "hostPath", "csi", "nfs", "image",
        "persistentVolumeClaim", "projected", "secret", "fc", "iscsi", "azureDisk", "azureFile",
        "awsElasticBlockStore", "cephfs", "cinder", "flexVolume", "flocker", "gcePersistentDisk",
        "gitRepo", "glusterfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd",
        "scaleIO", "storageos", "vsphereVolume",
    }
)  # fmt: skip


def default_pod_spec(spec: dict[str, Any]) -> None:
    """Fill in what Kubernetes fills in, in place."""
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("schedulerName", "default-scheduler")
    spec.setdefault("securityContext", {})
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])
    elif "serviceAccount" in spec:
        spec["serviceAccountName"] = spec["serviceAccount"]
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _default_container(container: dict[str, Any]) -> None:
    image = str(container.get("image") or "")
    tag = image.rpartition("/")[2]
    latest = tag.endswith(":latest") or ":" not in tag
    container.setdefault(
        "imagePullPolicy", "Always" if latest and "@" not in tag else "IfNotPresent"
    )
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for entry in container.get("env") or ():
        reference = (entry.get("valueFrom") or {}).get("fieldRef")
        if reference is not None:
            reference.setdefault("apiVersion", "v1")
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(field):
            probe.setdefault("timeoutSeconds", 1)
            probe.setdefault("periodSeconds", 10)
            probe.setdefault("successThreshold", 1)
            probe.setdefault("failureThreshold", 3)
            if get := probe.get("httpGet"):
                get.setdefault("path", "/")
                get.setdefault("scheme", "HTTP")


def _default_volume(volume: dict[str, Any]) -> None:
    if not any(source in volume for source in _SOURCES):
        volume["emptyDir"] = {}
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", 0o644)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def pod_spec_causes(spec: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What is wrong with a pod's spec, defaults filled in."""
    volumes = spec.get("volumes") or ()
    yield from _volume_causes(volumes, f"{path}.volumes")
    names: set[str] = {volume.get("name", "") for volume in volumes}
    taken: set[str] = set()
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            where = f"{path}.{field}[{index}]"
            yield from _container_causes(container, where, names)
            if container.get("name") in taken:
                yield duplicate(f"{where}.name", container["name"])
            taken.add(container.get("name", ""))
    policy = spec.get("restartPolicy")
    if policy not in {"Always", "OnFailure", "Never"}:
        yield not_supported(f"{path}.restartPolicy", policy, ("Always", "OnFailure", "Never"))
    if not 1 <= spec.get("activeDeadlineSeconds", 1) <= _LARGEST:
        yield invalid_value(
            f"{path}.activeDeadlineSeconds",
            spec["activeDeadlineSeconds"],
            "must be between 1 and 2147483647, inclusive",
        )
    if spec.get("dnsPolicy") not in _DNS_POLICIES:
        yield not_supported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    yield from label_map_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    for field in ("serviceAccountName", "priorityClassName", "nodeName"):
        if spec.get(field):
            yield from subdomain_causes(f"{path}.{field}", spec[field])
    yield from affinity_causes(spec.get("affinity") or {}, f"{path}.affinity")
    if spec.get("hostname"):
        yield from label_causes(f"{path}.hostname", spec["hostname"])
    yield from _security_causes(spec.get("securityContext") or {}, f"{path}.securityContext")
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        yield from toleration_causes(toleration, f"{path}.tolerations[{index}]")


def _security_causes(context: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        value = context.get(field)
        if value is not None and not 0 <= value <= _LARGEST:
            yield invalid_value(
                f"{path}.{field}", value, f"must be between 0 and {_LARGEST}, inclusive"
            )
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        if not 0 <= group <= _LARGEST:
            detail = f"must be between 0 and {_LARGEST}, inclusive"
            yield invalid_value(f"{path}.supplementalGroups[{index}]", group, detail)
    for field, known in _POLICIES.items():
        if context.get(field) not in {None, *known}:
            yield not_supported(f"{path}.{field}", context[field], known)
    if context.get("seccompProfile") is not None:
        yield from _seccomp_causes(context["seccompProfile"], f"{path}.seccompProfile")
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        yield invalid_value(
            path,
            context,
            "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        )


def _seccomp_causes(profile: Mapping[str, Any], path: str) -> Iterator[Cause]:
    kind, file = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        yield required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _SECCOMP:
        yield not_supported(f"{path}.type", kind, _SECCOMP)
    if kind == "Localhost":
        if not file:
            detail = "must be set when seccomp type is Localhost"
            yield required(f"{path}.localhostProfile", detail)
    elif file is not None:
        shown = {"Type": kind, "LocalhostProfile": file}
        detail = "can only be set when seccomp type is Localhost"
        yield invalid_value(f"{path}.localhostProfile", shown, detail)


def _volume_causes(volumes: Sequence[Mapping[str, Any]], path: str) -> Iterator[Cause]:
    taken: set[str] = set()
    for index, volume in enumerate(volumes):
        where = f"{path}[{index}]"
        name = volume.get("name", "")
        if not name:
            yield required(f"{where}.name")
        else:
            yield from label_causes(f"{where}.name", name)
        if name in taken:
            yield duplicate(f"{where}.name", name)
        taken.add(name)
        kinds = [kind for kind in volume if kind in _SOURCES]
        if len(kinds) > 1:
            yield forbidden_field(f"{where}.{kinds[1]}", "may not specify more than 1 volume type")
        if "secret" in volume and not volume["secret"].get("secretName"):
            yield required(f"{where}.secret.secretName")
        if "configMap" in volume and not volume["configMap"].get("name"):
            yield required(f"{where}.configMap.name")
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and not claim.get("claimName"):
            yield required(f"{where}.persistentVolumeClaim.claimName")
        for kind in ("secret", "configMap"):
            for number, item in enumerate((volume.get(kind) or {}).get("items") or ()):
                yield from _item_causes(item, f"{where}.{kind}.items[{number}]")
        sources = (volume.get("projected") or {}).get("sources") or ()
        for position, source in enumerate(sources):
            yield from _projection_causes(source, f"{where}.projected.sources[{position}]")
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        if limit is not None and amount(limit) < 0:
            yield forbidden_field(
                f"{where}.emptyDir.sizeLimit", "SizeLimit field must be a valid resource quantity"
            )


def _projection_causes(source: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for kind in ("secret", "configMap"):
        if kind not in source:
            continue
        if not source[kind].get("name"):
            yield required(f"{path}.{kind}.name")
        for number, item in enumerate(source[kind].get("items") or ()):
            yield from _item_causes(item, f"{path}.{kind}.items[{number}]")


def _item_causes(item: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """A key of a Secret or ConfigMap, and the file that it becomes."""
    if not item.get("key"):
        yield required(f"{path}.key")
    file = item.get("path", "")
    if not file:
        yield required(f"{path}.path")
    elif file.startswith("/"):
        yield invalid_value(f"{path}.path", file, "must be a relative path")
    elif ".." in file.split("/"):
        yield invalid_value(f"{path}.path", file, "must not contain '..'")
    elif file.startswith(".."):
        yield invalid_value(f"{path}.path", file, "must not start with '..'")


def _container_causes(
    container: Mapping[str, Any], path: str, volumes: set[str]
) -> Iterator[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from label_causes(f"{path}.name", name)
    image = container.get("image", "")
    if not image:
        yield required(f"{path}.image")
    policy = container.get("imagePullPolicy")
    if policy not in {"Always", "IfNotPresent", "Never"}:
        yield not_supported(f"{path}.imagePullPolicy", policy, ("Always", "IfNotPresent", "Never"))
    if container.get("terminationMessagePolicy") not in {"File", "FallbackToLogsOnError"}:
        yield not_supported(
            f"{path}.terminationMessagePolicy",
            container.get("terminationMessagePolicy"),
            ("File", "FallbackToLogsOnError"),
        )
    yield from _env_causes(container.get("env") or (), f"{path}.env")
    yield from _mount_causes(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    yield from resource_causes(container.get("resources") or {}, f"{path}.resources")
    yield from _security_causes(container.get("securityContext") or {}, f"{path}.securityContext")
    for index, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort", 0)
        if not number:
            yield required(f"{path}.ports[{index}].containerPort")
        elif not 0 < number < 65536:
            detail = "must be between 1 and 65535, inclusive"
            yield invalid_value(f"{path}.ports[{index}].containerPort", number, detail)


def _env_causes(entries: Sequence[Mapping[str, Any]], path: str) -> Iterator[Cause]:
    for index, entry in enumerate(entries):
        where = f"{path}[{index}]"
        name = entry.get("name")
        if not name:
            yield required(f"{where}.name")
        elif "=" in name or not (name.isascii() and name.isprintable()):
            yield invalid_value(f"{where}.name", name, _VARIABLE_DETAIL)
        source = entry.get("valueFrom")
        if source is None:
            continue
        if entry.get("value"):
            yield invalid_value(
                f"{where}.valueFrom", "", "may not be specified when `value` is not empty"
            )
        reference = (source.get("fieldRef") or {}).get("fieldPath")
        if reference and not _FIELD_PATH.fullmatch(reference):
            detail = f"error converting fieldPath: field label not supported: {reference}"
            yield invalid_value(f"{where}.valueFrom.fieldRef.fieldPath", reference, detail)
        if len(source) != 1:
            yield invalid_value(
                f"{where}.valueFrom",
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, "
                "`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
            )
        for kind in ("secretKeyRef", "configMapKeyRef"):
            if kind in source:
                below = f"{where}.valueFrom.{kind}"
                yield from subdomain_causes(f"{below}.name", source[kind].get("name", ""))
                if not source[kind].get("key"):
                    yield required(f"{below}.key")


def _mount_causes(
    mounts: Sequence[Mapping[str, Any]], path: str, volumes: set[str]
) -> Iterator[Cause]:
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        if not mount.get("name"):
            yield required(f"{where}.name")
        elif mount["name"] not in volumes:
            yield Cause(f"{where}.name", "FieldValueNotFound", f'Not found: "{mount["name"]}"')
        target = mount.get("mountPath", "")
        if not target:
            yield required(f"{where}.mountPath")
        elif target in taken:
            yield invalid_value(f"{where}.mountPath", target, "must be unique")
        taken.add(target)
        sub_path = mount.get("subPath", "")
        if sub_path.startswith("/"):
            yield invalid_value(f"{path}.subPath", sub_path, "must be a relative path")
        if ".." in sub_path.split("/"):
            yield invalid_value(f"{path}.subPath", sub_path, "must not contain '..'")
