"""Puts the server together."""

from dataclasses import dataclass
from pathlib import Path

from devcluster.apiserver.access import bootstrap
from devcluster.apiserver.access.tokens import Keys, Tokens
from devcluster.apiserver.admission.chain import AdmissionChain
from devcluster.apiserver.control.controllers import Controllers
from devcluster.apiserver.control.definitions import DefinitionController
from devcluster.apiserver.control.garbage import GarbageCollector
from devcluster.apiserver.control.namespaces import NamespaceController
from devcluster.apiserver.control.protection import StorageProtection
from devcluster.apiserver.control.unscheduled import UnscheduledPods
from devcluster.apiserver.errors import ApiError
from devcluster.apiserver.kinds.builtin import builtin_resources
from devcluster.apiserver.kinds.resource import Scheme
from devcluster.apiserver.objects import Object
from devcluster.apiserver.registry.options import WriteOptions
from devcluster.apiserver.registry.registry import Registry
from devcluster.apiserver.serving.openapi import OpenApi
from devcluster.apiserver.serving.server import ApiServer
from devcluster.apiserver.storage.journal import Journal
from devcluster.apiserver.storage.store import Store


@dataclass(frozen=True, slots=True)
class Assembly:
    """A server that is ready to be served, and the task that must run beside it."""

    server: ApiServer
    controllers: Controllers
    journal: Journal
    keys: Keys


def assemble(directory: Path, ca: str, *, history: int) -> Assembly:
    """Make a server over the journal in a directory; a fresh one gets its first objects.

    Args:
        directory: Where journal and keys are kept.
        ca: PEM of the certificate authority, for ``kube-root-ca.crt``.
        history: Changes to remember per resource.
    """
    journal = Journal(directory / "journal")
    store = Store(history=history, journal=journal)
    scheme = Scheme(builtin_resources())
    registry = Registry(store, scheme, AdmissionChain(store))
    openapi = OpenApi(scheme)
    definitions = DefinitionController(registry, openapi.forget)
    namespaces = NamespaceController(registry, ca)
    garbage = GarbageCollector(registry)
    protection = StorageProtection(registry)
    unscheduled = UnscheduledPods(store)
    controllers = Controllers(store, definitions, namespaces, garbage, protection, unscheduled)
    _bootstrap(registry)
    definitions.start()
    namespaces.start()
    garbage.start()
    store.forget()  # as in a real cluster, nobody can watch from before the start
    keys = Keys.load(directory / "keys")
    tokens = Tokens(keys, store)
    return Assembly(ApiServer(registry, tokens, openapi), controllers, journal, keys)


def _bootstrap(registry: Registry) -> None:
    for name in bootstrap.namespaces():
        _create(registry, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for obj in bootstrap.objects():
        _create(registry, obj)


def _create(registry: Registry, obj: Object) -> None:
    resource = registry.scheme.by_kind(obj["apiVersion"], obj["kind"])
    assert resource is not None
    try:
        registry.create(resource, "", obj, WriteOptions())
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise
