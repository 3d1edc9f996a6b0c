"""The built-in resources."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from devcluster.apiserver.errors import Cause, invalid_value, required
from devcluster.apiserver.kinds import columns
from devcluster.apiserver.kinds.core import (
    ClaimStrategy,
    ConfigMapStrategy,
    NamespaceStrategy,
    NodeStrategy,
    SecretStrategy,
    ServiceAccountStrategy,
    ServiceStrategy,
    StatusStrategy,
    VolumeStrategy,
)
from devcluster.apiserver.kinds.definitions import DefinitionStrategy
from devcluster.apiserver.kinds.events import EventStrategy, from_events_group, to_events_group
from devcluster.apiserver.kinds.jobs import CronJobStrategy, JobStrategy
from devcluster.apiserver.kinds.leases import LeaseStrategy
from devcluster.apiserver.kinds.pods import PodStrategy
from devcluster.apiserver.kinds.podspec import default_pod_spec, pod_spec_causes
from devcluster.apiserver.kinds.rbac import BindingStrategy, RoleStrategy
from devcluster.apiserver.kinds.resource import METADATA_FIELDS, Column, Resource, Subresource
from devcluster.apiserver.kinds.strategy import Strategy
from devcluster.apiserver.objects import Object
from devcluster.apiserver.schema.models import node_of
from devcluster.apiserver.selectors import matches_label_selector


class GenerationStrategy(StatusStrategy):
    """A kind with status whose spec changes are counted."""

    counts_generations = True

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {}


class DeploymentStrategy(GenerationStrategy):
    """Deployments: objects only, nothing rolls out."""

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("replicas", 1)
        spec.setdefault("revisionHistoryLimit", 10)
        spec.setdefault("progressDeadlineSeconds", 600)
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {"maxUnavailable": "25%", "maxSurge": "25%"})
        template = spec.setdefault("template", {})
        template.setdefault("metadata", {})
        default_pod_spec(template.setdefault("spec", {}))

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {}

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj["spec"]
        labels = spec["template"]["metadata"].get("labels")
        if not spec.get("selector"):
            yield required("spec.selector")
        elif not matches_label_selector(spec["selector"], labels or {}):
            detail = "`selector` does not match template `labels`"
            yield invalid_value("spec.template.metadata.labels", labels, detail)
        yield from pod_spec_causes(spec["template"]["spec"], "spec.template.spec")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if new["spec"].get("selector") != old["spec"].get("selector"):
            yield invalid_value("spec.selector", new["spec"].get("selector"), "field is immutable")


def _paths(*fields: str) -> Mapping[str, Sequence[str]]:
    return {**METADATA_FIELDS, **{field: field.split(".") for field in fields}}


_EVENT_FIELDS = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_REVIEWS = ("create",)


def _make(
    api_version: str,
    plural: str,
    kind: str,
    *,
    cluster: bool = False,
    model: str = "",
    strategy: Strategy | None = None,
    short: tuple[str, ...] = (),
    categories: tuple[str, ...] = (),
    subresources: tuple[Subresource, ...] = (),
    columns: tuple[Column, ...] | None = None,
    selectable: Mapping[str, Sequence[str]] = METADATA_FIELDS,
    verbs: tuple[str, ...] | None = None,
) -> Resource:
    group, _, version = api_version.rpartition("/")
    strategy = strategy or Strategy()
    if strategy.has_status:
        subresources = (*subresources, Subresource(name="status", kind=kind))
    resource = Resource(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        namespaced=not cluster,
        node=node_of(model or f"{version.capitalize()}{kind}"),
        strategy=strategy,
        singular=kind.lower(),
        list_kind=f"{kind}List",
        short_names=short,
        categories=categories,
        subresources=subresources,
        selectable=selectable,
        columns=columns,
    )
    return resource if verbs is None else replace(resource, verbs=verbs)


def _review(api_version: str, kind: str, *, cluster: bool = True, model: str = "") -> Resource:
    return _make(
        api_version, f"{kind.lower()}s", kind, cluster=cluster, model=model, verbs=_REVIEWS
    )


def _core() -> Sequence[Resource]:
    log = Subresource(name="log", kind="Pod", verbs=("get",))
    binding = Subresource(name="binding", kind="Binding", verbs=("create",))
    token = Subresource(
        name="token",
        kind="TokenRequest",
        group="authentication.k8s.io",
        version="v1",
        verbs=("create",),
    )
    finalize = Subresource(name="finalize", kind="Namespace", verbs=("update",))
    return (
        _make(
            "v1",
            "namespaces",
            "Namespace",
            cluster=True,
            strategy=NamespaceStrategy(),
            short=("ns",),
            subresources=(finalize,),
            columns=columns.NAMESPACES,
            selectable=_paths("status.phase"),
        ),
        _make(
            "v1",
            "pods",
            "Pod",
            strategy=PodStrategy(),
            short=("po",),
            categories=("all",),
            subresources=(log, binding),
            columns=columns.PODS,
            selectable=_paths(
                "spec.nodeName",
                "spec.restartPolicy",
                "spec.schedulerName",
                "spec.serviceAccountName",
                "status.phase",
                "status.podIP",
                "status.nominatedNodeName",
                "spec.hostNetwork",
            ),
        ),
        _make(
            "v1",
            "secrets",
            "Secret",
            strategy=SecretStrategy(),
            columns=columns.SECRETS,
            selectable=_paths("type"),
        ),
        _make(
            "v1",
            "configmaps",
            "ConfigMap",
            strategy=ConfigMapStrategy(),
            short=("cm",),
            columns=columns.CONFIG_MAPS,
        ),
        _make(
            "v1",
            "serviceaccounts",
            "ServiceAccount",
            strategy=ServiceAccountStrategy(),
            short=("sa",),
            subresources=(token,),
            columns=columns.SERVICE_ACCOUNTS,
        ),
        _make(
            "v1",
            "events",
            "Event",
            model="CoreV1Event",
            strategy=EventStrategy(),
            short=("ev",),
            columns=columns.EVENTS,
            selectable=_paths(*_EVENT_FIELDS),
        ),
        _make(
            "v1",
            "persistentvolumeclaims",
            "PersistentVolumeClaim",
            strategy=ClaimStrategy(),
            short=("pvc",),
            columns=columns.CLAIMS,
        ),
        _make(
            "v1",
            "persistentvolumes",
            "PersistentVolume",
            cluster=True,
            strategy=VolumeStrategy(),
            short=("pv",),
            columns=columns.VOLUMES,
        ),
        _make(
            "v1",
            "nodes",
            "Node",
            cluster=True,
            strategy=NodeStrategy(),
            short=("no",),
            columns=columns.NODES,
            selectable=_paths("spec.unschedulable"),
        ),
        _make(
            "v1",
            "services",
            "Service",
            strategy=ServiceStrategy(),
            short=("svc",),
            categories=("all",),
            columns=columns.SERVICES,
        ),
        _make("v1", "resourcequotas", "ResourceQuota", strategy=StatusStrategy(), short=("quota",)),
    )


def _workloads() -> Sequence[Resource]:
    return (
        _make(
            "apps/v1",
            "deployments",
            "Deployment",
            strategy=DeploymentStrategy(),
            short=("deploy",),
            categories=("all",),
            columns=columns.DEPLOYMENTS,
        ),
        _make(
            "batch/v1",
            "jobs",
            "Job",
            strategy=JobStrategy(),
            categories=("all",),
            columns=columns.JOBS,
            selectable=_paths("status.successful"),
        ),
        _make(
            "batch/v1",
            "cronjobs",
            "CronJob",
            strategy=CronJobStrategy(),
            short=("cj",),
            categories=("all",),
            columns=columns.CRON_JOBS,
        ),
        _make(
            "policy/v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
            strategy=GenerationStrategy(),
            short=("pdb",),
        ),
        _make(
            "scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", cluster=True, short=("pc",)
        ),
    )


def _infrastructure() -> Sequence[Resource]:
    events = _make(
        "events.k8s.io/v1",
        "events",
        "Event",
        model="EventsV1Event",
        strategy=EventStrategy(strict=True),
        short=("ev",),
        columns=columns.EVENTS,
        selectable=_paths(
            *(field.replace("involvedObject", "regarding") for field in _EVENT_FIELDS[:-3]),
            "reportingController",
            "type",
        ),
    )
    return (
        replace(events, storage="events", encode=to_events_group, decode=from_events_group),
        _make(
            "coordination.k8s.io/v1",
            "leases",
            "Lease",
            strategy=LeaseStrategy(),
            columns=columns.LEASES,
        ),
        _make(
            "networking.k8s.io/v1",
            "networkpolicies",
            "NetworkPolicy",
            strategy=NetworkPolicyStrategy(),
            short=("netpol",),
        ),
        _make("storage.k8s.io/v1", "storageclasses", "StorageClass", cluster=True, short=("sc",)),
        _make(
            "apiextensions.k8s.io/v1",
            "customresourcedefinitions",
            "CustomResourceDefinition",
            cluster=True,
            strategy=DefinitionStrategy(),
            short=("crd", "crds"),
            categories=("api-extensions",),
            columns=columns.DEFINITIONS,
        ),
    )


class NetworkPolicyStrategy(Strategy):
    """Counted, but without status."""

    counts_generations = True

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        egress = ["Egress"] if spec.get("egress") else []
        spec.setdefault("policyTypes", ["Ingress", *egress])


def _access() -> Sequence[Resource]:
    rbac = "rbac.authorization.k8s.io/v1"
    authorization = "authorization.k8s.io/v1"
    role, binding = RoleStrategy(), BindingStrategy()
    return (
        _make(rbac, "roles", "Role", strategy=role, columns=columns.ROLES),
        _make(rbac, "rolebindings", "RoleBinding", strategy=binding, columns=columns.BINDINGS),
        _make(
            rbac, "clusterroles", "ClusterRole", cluster=True, strategy=role, columns=columns.ROLES
        ),
        _make(
            rbac,
            "clusterrolebindings",
            "ClusterRoleBinding",
            cluster=True,
            strategy=binding,
            columns=columns.BINDINGS,
        ),
        _review(authorization, "SelfSubjectAccessReview"),
        _review(authorization, "SubjectAccessReview"),
        _review(authorization, "LocalSubjectAccessReview", cluster=False),
        _review(authorization, "SelfSubjectRulesReview"),
        _review("authentication.k8s.io/v1", "TokenReview"),
        _review("authentication.k8s.io/v1", "SelfSubjectReview"),
    )


def builtin_resources() -> Sequence[Resource]:
    """Every resource that exists without a CustomResourceDefinition."""
    return (*_core(), *_workloads(), *_infrastructure(), *_access())
