"""Jobs and CronJobs: defaults, validation, what may change. The controller runs elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from devcluster.apiserver.errors import (
    Cause,
    duplicate,
    forbidden_field,
    invalid_value,
    invalid_whole,
    not_supported,
    required,
)
from devcluster.apiserver.kinds.jobstatus import job_status_causes
from devcluster.apiserver.kinds.labels import annotation_causes, key_causes, label_map_causes
from devcluster.apiserver.kinds.podspec import default_pod_spec, pod_spec_causes
from devcluster.apiserver.kinds.strategy import Strategy, label_causes
from devcluster.apiserver.objects import Object, name_of
from devcluster.apiserver.selectors import matches_label_selector

_NO_LIMIT = 2147483647
_MANY = 100_000
"""Completions; a Job that counts failures for more of them must bound what its status lists."""
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"


def default_job_spec(spec: dict[str, Any]) -> None:
    """Fill in what Kubernetes fills in, in place."""
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    per_index = spec.get("backoffLimitPerIndex") is not None
    spec.setdefault("backoffLimit", _NO_LIMIT if per_index else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    policy = spec.get("podFailurePolicy")
    replaced = "TerminatingOrFailed" if policy is None else "Failed"
    spec.setdefault("podReplacementPolicy", replaced)
    spec.setdefault("manualSelector", False)
    for rule in (policy or {}).get("rules") or ():
        for condition in rule.get("onPodConditions") or ():
            condition.setdefault("status", "True")
    default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    spec["template"].setdefault("metadata", {})


def generated_labels(uid: str, name: str) -> dict[str, str]:
    """The labels by which a Job and its pods find each other."""
    return {CONTROLLER_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}


class JobStrategy(Strategy):
    """Jobs."""

    has_status = True
    counts_generations = True
    orphans_by_default = True

    def default(self, obj: Object) -> None:
        default_job_spec(obj.setdefault("spec", {}))
        self.settle(obj)
        status = obj.get("status") or {}
        for field in ("active", "succeeded", "failed", "completedIndexes"):
            if not status.get(field, True):
                del status[field]  # Go leaves zeros out
        for condition in status.get("conditions") or ():
            condition.setdefault("lastProbeTime", None)
            condition.setdefault("lastTransitionTime", None)

    def settle(self, obj: Object) -> None:
        # A Job without labels gets its template's, so that both are found by one selector.
        labels = obj["spec"]["template"]["metadata"].get("labels")
        if labels and not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = labels

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {}
        spec = obj["spec"]
        if spec.get("manualSelector"):
            return
        uid, name = obj["metadata"]["uid"], name_of(obj)
        chosen = (spec.get("selector") or {}).get("matchLabels") or {}
        spec["selector"] = {
            **(spec.get("selector") or {}),
            "matchLabels": {**chosen, CONTROLLER_UID: uid},
        }
        labels = spec["template"]["metadata"].setdefault("labels", {})
        # In place: where these are the Job's own labels too, it gets them as well.
        labels |= {
            key: value for key, value in generated_labels(uid, name).items() if key not in labels
        }

    def prepare_status_update(self, new: Object, old: Object) -> None:
        self.keep(new, old, "spec")

    def validate(self, obj: Object) -> Iterator[Cause]:
        template = obj["spec"]["template"]["metadata"]
        labels = template.get("labels") or {}
        yield from label_map_causes(labels, "spec.template.labels")
        yield from annotation_causes(template.get("annotations") or (), "spec.template.annotations")
        yield from _hostname_causes(obj)
        yield from _selector_causes(obj)
        yield from job_spec_causes(obj["spec"], "spec")

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        spec, before = new["spec"], old["spec"]
        for field in (
            "completionMode",
            "podFailurePolicy",
            "backoffLimitPerIndex",
            "managedBy",
            "successPolicy",
            "selector",
        ):
            if spec.get(field) != before.get(field):
                yield invalid_value(f"spec.{field}", spec.get(field), "field is immutable")
        if spec.get("completions") != before.get("completions") and not (
            spec.get("completionMode") == "Indexed"
            and spec.get("completions") == spec.get("parallelism")
        ):
            detail = "field is immutable"
            if spec.get("completionMode") == "Indexed" and spec.get("completions") is not None:
                detail = "can only be modified in tandem with spec.parallelism"
            yield invalid_value("spec.completions", spec.get("completions"), detail)
        started = (old.get("status") or {}).get("startTime") is not None
        free = bool(before.get("suspend")) and not started
        if _fixed_template(spec["template"], free=free) != _fixed_template(
            before["template"], free=free
        ):
            yield invalid_value("spec.template", "", "field is immutable")

    def validate_status(self, new: Object, old: Object) -> Iterable[Cause]:
        return job_status_causes(new, old)


def _fixed_template(template: Mapping[str, Any], *, free: bool) -> Mapping[str, Any]:
    """What may not change of a template; a Job that never ran may still be scheduled elsewhere."""
    if not free:
        return template
    spec = {k: v for k, v in template["spec"].items() if k not in _SCHEDULING}
    return {"spec": spec}


_SCHEDULING = frozenset({"affinity", "nodeSelector", "tolerations", "schedulingGates"})


def _selector_causes(obj: Object) -> Iterator[Cause]:
    spec = obj["spec"]
    selector = spec.get("selector")
    labels = spec["template"]["metadata"].get("labels")
    if selector is None:
        yield required("spec.selector")
    elif not spec.get("manualSelector"):
        uid = obj["metadata"]["uid"]
        for key, value in generated_labels(uid, name_of(obj)).items():
            if (labels or {}).get(key) != value:
                where = f"spec.template.metadata.labels[{key}]"
                yield invalid_value(where, labels, f"must be '{value}'")
        generated = {"matchLabels": {CONTROLLER_UID: uid}}
        if selector != generated:
            yield invalid_value("spec.selector", selector, "`selector` not auto-generated")
    if selector is None or not matches_label_selector(selector, labels or {}):
        detail = "`selector` does not match template `labels`"
        yield invalid_value("spec.template.metadata.labels", labels, detail)


def _hostname_causes(obj: Object) -> Iterator[Cause]:
    name, spec = name_of(obj), obj["spec"]
    completions = spec.get("completions")
    if name and spec.get("completionMode") == "Indexed" and completions:
        longest = f"{name}-{completions - 1}"
        if any(label_causes("metadata.name", longest)):
            detail = f"will not able to create pod with invalid DNS label: {longest}"
            yield invalid_value("metadata.name", name, detail)


def job_spec_causes(spec: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """What is wrong with a Job's spec, defaults filled in."""
    for field in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ):
        value = spec.get(field)
        if value is not None and value < 0:
            yield invalid_value(f"{path}.{field}", value, "must be greater than or equal to 0")
    mode = spec.get("completionMode")
    if mode not in {"Indexed", "NonIndexed"}:
        yield not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
        return
    if mode == "Indexed":
        if spec.get("completions") is None:
            yield required(f"{path}.completions", "when completion mode is Indexed")
        if (spec.get("parallelism") or 0) > _MANY:
            yield invalid_value(
                f"{path}.parallelism",
                spec["parallelism"],
                "must be less than or equal to 100000 when completion mode is Indexed",
            )
    yield from _managed_by_causes(spec.get("managedBy"), f"{path}.managedBy")
    yield from _per_index_causes(spec, path)
    policy = spec.get("podFailurePolicy")
    if policy is not None:
        yield from _policy_causes(policy, spec, f"{path}.podFailurePolicy")
    replacement = spec.get("podReplacementPolicy")
    supported = ("Failed",) if policy is not None else ("Failed", "TerminatingOrFailed")
    if replacement not in supported:
        yield not_supported(f"{path}.podReplacementPolicy", replacement, supported)
    template = spec["template"]
    yield from pod_spec_causes(template["spec"], f"{path}.template.spec")
    restart = template["spec"].get("restartPolicy")
    if restart not in {"OnFailure", "Never"}:
        where = f"{path}.template.spec.restartPolicy"
        if restart == "Always":
            yield required(where, 'valid values: "OnFailure", "Never"')
        else:
            yield not_supported(where, restart, ("OnFailure", "Never"))
    elif policy is not None and restart != "Never":
        yield invalid_value(
            f"{path}.template.spec.restartPolicy",
            restart,
            'only "Never" is supported when podFailurePolicy is specified',
        )


def _managed_by_causes(name: str | None, path: str) -> Iterator[Cause]:
    if name is not None and "/" not in name:
        yield invalid_value(path, name, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _per_index_causes(spec: Mapping[str, Any], path: str) -> Iterator[Cause]:
    indexed = spec.get("completionMode") == "Indexed"
    if spec.get("backoffLimitPerIndex") is not None:
        if not indexed:
            yield invalid_value(
                f"{path}.backoffLimitPerIndex",
                spec["backoffLimitPerIndex"],
                "requires indexed completion mode",
            )
    elif spec.get("maxFailedIndexes") is not None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    most, completions = spec.get("maxFailedIndexes"), spec.get("completions")
    if spec.get("backoffLimitPerIndex") is not None and (completions or 0) > _MANY:
        detail = f"when completions are above {_MANY} and used with backoff limit per index"
        for field in ("maxFailedIndexes", "parallelism"):
            value = spec.get(field)
            if value is None:
                yield required(
                    f"{path}.{field}", f"must be specified when completions is above {_MANY}"
                )
            elif value > _MANY // 10:
                where = f"must be less than or equal to {_MANY // 10} {detail}"
                yield invalid_value(f"{path}.{field}", value, where)
    if most is not None and completions is not None and most > completions:
        yield invalid_value(
            f"{path}.maxFailedIndexes", most, "must be less than or equal to completions"
        )


_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")


def _policy_causes(
    policy: Mapping[str, Any], spec: Mapping[str, Any], path: str
) -> Iterator[Cause]:
    rules = policy.get("rules") or ()
    if len(rules) > 20:
        yield Cause(
            f"{path}.rules",
            "FieldValueTooMany",
            f"Too many: {len(rules)}: must have at most 20 items",
        )
    pod = spec["template"]["spec"]
    containers = {c.get("name") for f in ("containers", "initContainers") for c in pod.get(f) or ()}
    for index, rule in enumerate(rules):
        where = f"{path}.rules[{index}]"
        action = rule.get("action")
        if not action:
            yield required(f"{where}.action", f"valid values: [{_quoted(_ACTIONS)}]")
        elif action not in _ACTIONS:
            yield not_supported(f"{where}.action", action, _ACTIONS)
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            yield invalid_value(
                f"{where}.action", action, "requires the backoffLimitPerIndex to be set"
            )
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None and conditions:
            yield invalid_whole(
                where, "specifying both OnExitCodes and OnPodConditions is not supported"
            )
        elif codes is None and not conditions:
            yield invalid_whole(
                where, "specifying one of OnExitCodes and OnPodConditions is required"
            )
        if codes is not None:
            yield from _exit_code_causes(codes, containers, f"{where}.onExitCodes")
        for number, condition in enumerate(conditions or ()):
            below = f"{where}.onPodConditions[{number}]"
            yield from key_causes(condition.get("type", ""), f"{below}.type")
            if condition.get("status") not in {"True", "False", "Unknown"}:
                supported = ("False", "True", "Unknown")
                yield not_supported(f"{below}.status", condition.get("status"), supported)


def _quoted(values: Sequence[str]) -> str:
    return " ".join(f'"{value}"' for value in values)


def _exit_code_causes(codes: Mapping[str, Any], containers: set[Any], path: str) -> Iterator[Cause]:
    operator, values = codes.get("operator"), codes.get("values") or []
    if operator not in {"In", "NotIn"}:
        yield not_supported(f"{path}.operator", operator, ("In", "NotIn"))
    name = codes.get("containerName")
    if name is not None and name not in containers:
        yield invalid_value(
            f"{path}.containerName",
            name,
            "must be one of the container or initContainer names in the pod template",
        )
    if not values:
        yield invalid_value(f"{path}.values", values, "at least one value is required")
    elif len(values) > 255:
        yield Cause(
            f"{path}.values",
            "FieldValueTooMany",
            f"Too many: {len(values)}: must have at most 255 items",
        )
    if operator == "In" and 0 in values:
        yield invalid_value(
            f"{path}.values[{values.index(0)}]", 0, "must not be 0 for the In operator"
        )
    if len(set(values)) != len(values):
        first = next(i for i, value in enumerate(values) if value in values[:i])
        yield duplicate(f"{path}.values[{first}]", values[first])
    elif list(values) != sorted(values):
        yield invalid_value(f"{path}.values", values, "must be ordered")


class CronJobStrategy(Strategy):
    """CronJobs: kept, never run."""

    has_status = True
    counts_generations = True

    def default(self, obj: Object) -> None:
        spec = obj.setdefault("spec", {})
        spec.setdefault("concurrencyPolicy", "Allow")
        spec.setdefault("suspend", False)
        spec.setdefault("successfulJobsHistoryLimit", 3)
        spec.setdefault("failedJobsHistoryLimit", 1)
        template = spec.setdefault("jobTemplate", {})
        template.setdefault("metadata", {})
        pod = template.setdefault("spec", {}).setdefault("template", {})
        pod.setdefault("metadata", {})
        default_pod_spec(pod.setdefault("spec", {}))

    def prepare_create(self, obj: Object) -> None:
        obj["status"] = {}

    def validate(self, obj: Object) -> Iterator[Cause]:
        spec = obj["spec"]
        if not spec.get("schedule"):
            yield required("spec.schedule")
        if "completions" in spec["jobTemplate"]["spec"] and spec["jobTemplate"]["spec"].get(
            "manualSelector"
        ):
            yield forbidden_field("spec.jobTemplate.spec.manualSelector", "must not be set")
        template = spec["jobTemplate"]["spec"]["template"]["spec"]
        yield from pod_spec_causes(template, "spec.jobTemplate.spec.template.spec")
