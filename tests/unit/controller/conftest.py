"""What the controller's tests share: an API server in memory, objects, a loop that skips time."""

import asyncio
import copy
import itertools
import selectors
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from support.looks import Rig
from synclog.api import names
from synclog.api.run import Purpose, RunIdentity, SpanText
from synclog.controller.errors import AlreadyExistsError, ConflictError
from synclog.controller.gateway import EXPORTS, Resource
from synclog.controller.objects import Export, Job, Pod, export_of, job_of, pod_of
from synclog.controller.throttle import Lane
from synclog.windows import parse_time

Document = dict[str, Any]
T0 = parse_time("2026-03-01T00:00:00Z")


class _Skipping(selectors.DefaultSelector):
    """A selector that does not wait: it moves the loop's clock instead."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the test waits for something that will never happen")
        if not ready and timeout:
            type(self).skipped += timeout
        return ready


class SkippingLoop(asyncio.SelectorEventLoop):
    """A loop in which waiting takes no time. Only for tests without threads or sockets."""

    def __init__(self) -> None:
        selector = type("Skipping", (_Skipping,), {"skipped": 0.0})()
        self._skips = type(selector)
        super().__init__(selector)

    def time(self) -> float:
        return 1000.0 + self._skips.skipped


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Any:
    """Time is skipped, except in modules that say REAL_TIME: they have threads or sockets."""
    real = getattr(getattr(item, "module", None), "REAL_TIME", False)
    return {"real" if real else "skipping": asyncio.SelectorEventLoop if real else SkippingLoop}


class MemoryGateway:
    """`synclog.controller.gateway.Gateway` over a dict. `fail` makes the next calls raise."""

    def __init__(self) -> None:
        self.objects: dict[tuple[Resource, str, str], Document] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.failures: dict[str, list[Exception]] = {}
        self.lost_answers: dict[str, list[Exception]] = {}
        """Raised after the write took place."""
        self._versions = itertools.count(100)

    def fail(self, verb: str, plural: str, *errors: Exception) -> None:
        self.failures.setdefault(f"{verb} {plural}", []).extend(errors)

    def seed(self, resource: Resource, body: Document) -> Document:
        metadata = body["metadata"]
        key = (resource, metadata["namespace"], metadata["name"])
        self.objects[key] = copy.deepcopy(body)
        return self.objects[key]

    def named(self, resource: Resource) -> list[str]:
        return sorted(name for kind, _, name in self.objects if kind == resource)

    def _called(self, verb: str, resource: Resource, name: str) -> None:
        self.calls.append((verb, resource.plural, name))
        errors = self.failures.get(f"{verb} {resource.plural}")
        if errors:
            raise errors.pop(0)

    def _answer(self, verb: str, resource: Resource, body: Document) -> Document:
        errors = self.lost_answers.get(f"{verb} {resource.plural}")
        if errors:
            raise errors.pop(0)
        return copy.deepcopy(body)

    async def get(
        self, resource: Resource, namespace: str, name: str, *, lane: Lane = Lane.NORMAL
    ) -> Document | None:
        self._called("get", resource, name)
        return copy.deepcopy(self.objects.get((resource, namespace, name)))

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> AsyncIterator[list[Document]]:
        self._called("list", resource, fields or labels)
        found = [
            copy.deepcopy(body)
            for (kind, place, _), body in self.objects.items()
            if kind == resource and namespace in (None, place) and _matches(body, fields)
        ]
        for start in range(0, len(found) or 1, 2):
            yield found[start : start + 2]

    async def create(
        self, resource: Resource, namespace: str, body: Document, *, lane: Lane = Lane.NORMAL
    ) -> Document:
        name = body["metadata"]["name"]
        self._called("create", resource, name)
        if (resource, namespace, name) in self.objects:
            raise AlreadyExistsError(f"{name} exists", status=409, reason="AlreadyExists")
        stored = copy.deepcopy(body)
        stored["metadata"] |= {
            "uid": f"uid-{name}",
            "resourceVersion": str(next(self._versions)),
            "creationTimestamp": "2026-03-01T00:00:00Z",
        }
        self.objects[resource, namespace, name] = stored
        return self._answer("create", resource, stored)

    async def replace(self, resource: Resource, namespace: str, body: Document) -> Document:
        name = body["metadata"]["name"]
        self._called("replace", resource, name)
        stored = self.objects.get((resource, namespace, name))
        if stored is None or _version(stored) != _version(body):
            raise ConflictError(f"{name} changed", status=409, reason="Conflict")
        new = copy.deepcopy(body)
        new["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[resource, namespace, name] = new
        return self._answer("replace", resource, new)

    async def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        body: Document,
        *,
        subresource: str = "",
        lane: Lane = Lane.NORMAL,
    ) -> Document | None:
        self._called("patch", resource, name)
        stored = self.objects.get((resource, namespace, name))
        if stored is None:
            return None
        expected = body.get("metadata", {}).get("resourceVersion")
        if expected is not None and expected != _version(stored):
            raise ConflictError(f"{name} changed", status=409, reason="Conflict")
        merged = _merge(stored, body)
        merged["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[resource, namespace, name] = merged
        return self._answer("patch", resource, merged)

    async def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> bool:
        self._called("delete", resource, name)
        stored = self.objects.get((resource, namespace, name))
        if stored is None or stored["metadata"]["uid"] != uid:
            return False
        del self.objects[resource, namespace, name]
        return True


def _version(body: Document) -> str:
    return str(body["metadata"]["resourceVersion"])


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge(result.get(name), value)
    return result


def _matches(body: Document, fields: str) -> bool:
    def value(path: str) -> Any:
        found: Any = body
        for part in path.split("."):
            found = (found or {}).get(part)
        return found

    pairs = (term.split("=", 1) for term in fields.split(",") if term)
    return all(value(path) == wanted for path, wanted in pairs)


class Make:
    """Makes objects as the API server has them."""

    def __init__(self) -> None:
        self._versions = itertools.count(1)

    def export_body(
        self, name: str = "prod", *, uid: str = "", spec: Document | None = None, **spec_fields: Any
    ) -> Document:
        base: Document = {
            "schedule": "0 2 * * *",
            "source": {
                "url": "https://console.us.code42.com",
                "auth": {"apiClient": {"secretName": "code42"}},
            },
            "range": {"rolling": {"from": "2026-02-01T00:00:00Z"}},
            "destination": {"persistentVolumeClaim": {"claimName": "archive"}},
        }
        return {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {
                "namespace": "team",
                "name": name,
                "uid": uid or f"uid-{name}",
                "resourceVersion": str(next(self._versions)),
                "generation": 1,
                "creationTimestamp": "2026-02-28T00:00:00Z",
            },
            "spec": (base if spec is None else spec) | spec_fields,
        }

    def export(self, name: str = "prod", **fields: Any) -> Export:
        return export_of(self.export_body(name, **fields))

    def job_body(
        self,
        name: str = "job",
        *,
        owner: str = "uid-prod",
        purpose: Purpose = Purpose.WINDOW,
        span: tuple[str, str] | None = ("2026-02-01T00:00:00Z", "2026-02-03T00:00:00Z"),
        conditions: tuple[Document, ...] = (),
        annotation: str | None = None,
        spec: Document | None = None,
        **metadata: Any,
    ) -> Document:
        text = span and SpanText(start=span[0], end=span[1], step_ms=86_400_000)
        identity = RunIdentity(purpose=purpose, attempt=1, generation=1, span=text or None)
        told = msgspec.json.encode(identity).decode() if annotation is None else annotation
        return {
            "metadata": {
                "namespace": "team",
                "name": name,
                "uid": f"uid-{name}",
                "resourceVersion": str(next(self._versions)),
                "creationTimestamp": "2026-03-01T00:00:00Z",
                "annotations": {names.ANNOTATION_RUN: told},
                "ownerReferences": [{"uid": owner, "controller": True}],
            }
            | metadata,
            "spec": spec or {},
            "status": {"conditions": list(conditions)},
        }

    def job(self, name: str = "job", **fields: Any) -> Job:
        return job_of(self.job_body(name, **fields))

    def pod_body(
        self, name: str = "pod", *, job: str = "job", index: int = 0, **status: Any
    ) -> Document:
        return {
            "metadata": {
                "namespace": "team",
                "name": name,
                "uid": f"uid-{name}",
                "resourceVersion": str(next(self._versions)),
                "creationTimestamp": "2026-03-01T00:00:00Z",
                "labels": {names.LABEL_EXPORT_UID: "uid-prod"},
                "annotations": {"batch.kubernetes.io/job-completion-index": str(index)},
                "ownerReferences": [{"uid": f"uid-{job}", "controller": True}],
            },
            "spec": {},
            "status": {"phase": "Pending"} | status,
        }

    def pod(self, name: str = "pod", **fields: Any) -> Pod:
        return pod_of(self.pod_body(name, **fields))

    def ended(self, code: int = 0, message: str = "", reason: str = "", at: int = 10) -> Document:
        """Fields of a pod whose exporter ended ``at`` seconds after it was made."""
        terminated = {
            "exitCode": code,
            "message": message,
            "reason": reason or ("Error" if code else "Completed"),
            "finishedAt": f"2026-03-01T00:00:{at:02d}Z",
        }
        return {
            "phase": "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "exporter", "state": {"terminated": terminated}}],
        }

    def waiting(self, reason: str, message: str = "") -> Document:
        state = {"waiting": {"reason": reason, "message": message}}
        return {"containerStatuses": [{"name": "exporter", "state": state}]}


@pytest.fixture
def gateway() -> MemoryGateway:
    return MemoryGateway()


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def stored(gateway: MemoryGateway, make: Make) -> Iterator[Document]:
    """A SyncLogExport in the API server."""
    return gateway.seed(EXPORTS, make.export_body())


@pytest.fixture(scope="session")
def make_one() -> type[Make]:
    """For tests that need new objects for each example."""
    return Make


@pytest.fixture
def rig(gateway, stored):
    return lambda *actions, **options: Rig(gateway, stored, *actions, **options)
