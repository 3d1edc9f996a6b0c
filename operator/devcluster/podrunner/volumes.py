"""The volumes of a pod as local folders."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devcluster.podrunner.environment import expand
from devcluster.podrunner.errors import ConfigError, MountError
from devcluster.podrunner.fields import field_value, resource_value
from devcluster.podrunner.lookup import Keys, Lookup

Files = dict[str, tuple[bytes, int]]
"""By relative path: contents and mode."""

_DEFAULT_MODE = 0o644
_KINDS = (
    "secret",
    "configMap",
    "projected",
    "downwardAPI",
    "emptyDir",
    "persistentVolumeClaim",
    "hostPath",
)


def claim_folder(root: Path, namespace: str, claim: str) -> Path:
    """The folder that holds the data of a claim, also after the claim is deleted."""
    return root / "volumes" / namespace / claim


async def prepare_volumes(
    pod: dict[str, Any], lookup: Lookup, folder: Path, root: Path
) -> dict[str, Path]:
    """Prepare all volumes of a pod; repeating it is harmless.

    Args:
        pod: The pod's document.
        lookup: Where Secrets and ConfigMaps are found.
        folder: The pod's own folder, for volumes that live as long as the pod.
        root: The runner's folder, for the claims.

    Returns:
        By the volume's name: its folder, an absolute path.

    Raises:
        MountError: what a volume shows is missing; kubelet's words.
    """
    prepared = {}
    for volume in pod["spec"].get("volumes") or ():
        name = volume["name"]
        place = folder / "volumes" / name
        kind = next((kind for kind in _KINDS if kind in volume), None)
        if kind == "persistentVolumeClaim":
            claim = volume[kind]["claimName"]
            place = claim_folder(root, pod["metadata"]["namespace"], claim)
        elif kind == "hostPath":
            place = Path(volume[kind]["path"])
        elif kind not in _KINDS and set(volume) != {"name"}:
            raise MountError(f'volume "{name}" is of a kind that this node does not have')
        elif kind not in (None, "emptyDir"):
            try:
                files = await _files(pod, kind, volume[kind], lookup)
            except (MountError, ConfigError) as error:
                raise MountError(
                    f'MountVolume.SetUp failed for volume "{name}" : {error}'
                ) from error
            await asyncio.to_thread(_write, place, files)
        place.mkdir(parents=True, exist_ok=True)
        prepared[name] = place
    return prepared


def _write(folder: Path, files: Files) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, (data, mode) in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(data)
        file.chmod(mode)


async def _files(
    pod: dict[str, Any], kind: str, source: dict[str, Any], lookup: Lookup, mode: int | None = None
) -> Files:
    """What a volume that shows objects contains."""
    mode = source.get("defaultMode") or mode or _DEFAULT_MODE
    match kind:
        case "secret":
            name = source.get("secretName") or source.get("name", "")
            return _select("secret", name, await lookup.secret(name), source, mode)
        case "configMap":
            name = source.get("name", "")
            return _select("configmap", name, await lookup.config_map(name), source, mode)
        case "downwardAPI":
            return {
                item["path"]: (_downward(pod, item).encode(), item.get("mode") or mode)
                for item in source.get("items") or ()
            }
        case "serviceAccountToken":
            account = pod["spec"].get("serviceAccountName") or "default"
            token = await lookup.token(
                account, source.get("audience", ""), source.get("expirationSeconds", 3600)
            )
            return {source["path"]: (token.encode(), 0o600)}
        case "projected":
            files: Files = {}
            for part in source.get("sources") or ():
                for inner, inner_source in part.items():
                    files |= await _files(pod, inner, inner_source, lookup, mode)
            return files
    raise MountError(f"a projected source of kind {kind} is not known to this node")


def _select(kind: str, name: str, keys: Keys | None, source: dict[str, Any], mode: int) -> Files:
    optional = bool(source.get("optional"))
    if keys is None:
        if optional:
            return {}
        raise MountError(f'{kind} "{name}" not found')
    if not (items := source.get("items")):
        return {key: (data, mode) for key, data in keys.items()}
    files: Files = {}
    for item in items:
        if item["key"] in keys:
            files[item["path"]] = (keys[item["key"]], item.get("mode") or mode)
        elif not optional:
            raise MountError(f"references non-existent {kind} key: {item['key']}")
    return files


def _downward(pod: dict[str, Any], item: dict[str, Any]) -> str:
    if "fieldRef" in item:
        return field_value(pod, item["fieldRef"]["fieldPath"])
    return resource_value(pod, item["resourceFieldRef"], "")


def mounts_of(
    container: dict[str, Any], volumes: Mapping[str, Path], variables: Mapping[str, str]
) -> dict[str, Path]:
    """By path inside the container: the local folder or file that is mounted there.

    Raises:
        MountError: a mount names no volume of the pod, or leads out of it.
    """
    mounts = {}
    for mount in container.get("volumeMounts") or ():
        place = volumes.get(mount["name"])
        if place is None:
            raise MountError(f'volume "{mount["name"]}" of a mount is not in the pod')
        sub = mount.get("subPath") or expand(mount.get("subPathExpr") or "", variables)
        if sub:
            if sub.startswith("/") or ".." in Path(sub).parts:
                raise MountError(f'subPath "{sub}" must stay inside the volume')
            place /= sub
            if not place.exists():
                place.mkdir(parents=True)
        mounts[mount["mountPath"]] = place
    return mounts


def size_limits(pod: dict[str, Any]) -> dict[str, str]:
    """By the name of an ``emptyDir``: its ``sizeLimit``, where it has one."""
    return {
        volume["name"]: str(limit)
        for volume in pod["spec"].get("volumes") or ()
        if (limit := (volume.get("emptyDir") or {}).get("sizeLimit"))
    }


def folder_size(folder: Path) -> int:
    """Bytes that the files below a folder hold; files that vanish meanwhile count nothing."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(where, name)).st_size  # noqa: PTH118 - called often
    return total
