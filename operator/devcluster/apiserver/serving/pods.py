"""The paths below a pod that are no plain objects: binding, and logs from the node."""

from collections.abc import Mapping

import aiohttp
from aiohttp import web

from devcluster.apiserver import errors
from devcluster.apiserver.errors import ApiError, bad_request
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object, clone, name_of, now
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.storage.store import Key

_PASSED_ON = (
    "follow",
    "tailLines",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "limitBytes",
    "previous",
)


def bind(registry: Registry, resource: Resource, namespace: str, name: str, body: Object) -> Object:
    """Assign a pod to a node, as a scheduler does.

    Raises:
        ApiError: 404; 409, the pod has a node already or is going.
    """
    pod = registry.stored(resource, namespace, name)
    node = (body.get("target") or {}).get("name") or ""
    if not node:
        raise bad_request("Binding needs target.name, the name of a node")
    uid = (body.get("metadata") or {}).get("uid")
    if uid and uid != pod["metadata"]["uid"]:
        raise errors.conflict(
            "pods/binding",
            "",
            name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
            f"{pod['metadata']['uid']}",
        )
    if pod["metadata"].get("deletionTimestamp"):
        raise errors.conflict(
            "pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host"
        )
    if pod["spec"].get("nodeName"):
        raise errors.conflict(
            "pods/binding",
            "",
            name,
            f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"',
        )
    bound = clone(pod)
    bound["spec"]["nodeName"] = node
    conditions = [c for c in bound["status"].get("conditions") or () if c["type"] != "PodScheduled"]
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now(),
    }
    bound["status"]["conditions"] = [*conditions, scheduled]
    registry.store.write(Key(resource.table, namespace, name), bound)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _container(pod: Object, wanted: str) -> str:
    spec = pod["spec"]
    names = [c["name"] for c in spec["containers"]]
    init = [c["name"] for c in spec.get("initContainers") or ()]
    name = name_of(pod)
    if wanted:
        if wanted not in (*names, *init):
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(names) > 1:
        choices = f"[{' '.join(names)}]" + (
            f" or one of the init containers: [{' '.join(init)}]" if init else ""
        )
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: {choices}"
        )
    return str(names[0])


class Logs:
    """Fetches logs from the nodes' kubelet endpoints."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def _endpoint(self, pod: Object) -> str:
        node = self._registry.store.get(Key("nodes", "", pod["spec"]["nodeName"]))
        status = (node or {}).get("status") or {}
        port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port")
        address = next(
            (a["address"] for a in status.get("addresses") or () if a["type"] == "InternalIP"), None
        )
        if not port or not address:
            raise errors.internal(f"node {pod['spec']['nodeName']} has no kubelet endpoint")
        return f"https://{address}:{port}"

    async def stream(
        self, request: web.Request, pod: Object, query: Mapping[str, str]
    ) -> web.StreamResponse:
        """Pass the log of a container on, as long as it flows.

        Raises:
            ApiError: 400, there is no such container or it has not started; 500, no answer.
        """
        container = _container(pod, query.get("container", ""))
        namespace, name = pod["metadata"]["namespace"], name_of(pod)
        if not pod["spec"].get("nodeName"):
            return web.Response(status=204)  # nobody runs it yet
        url = f"{self._endpoint(pod)}/containerLogs/{namespace}/{name}/{container}"
        wanted = {key: query[key] for key in _PASSED_ON if query.get(key)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        try:
            # Like the real server without --kubelet-certificate-authority, which accepts any.
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(url, params=wanted, ssl=False) as answer,
            ):
                if answer.status != 200:
                    raise ApiError(answer.status, "BadRequest", (await answer.text()).strip())
                response = web.StreamResponse(headers={"Content-Type": "text/plain"})
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientError as error:
            raise errors.internal(f"Get {url}: {error}") from error
