"""Roles and bindings: what the authoriser relies on being well-formed."""

from collections.abc import Iterable, Iterator

from devcluster.apiserver.errors import Cause, invalid_value, not_supported, required
from devcluster.apiserver.kinds.strategy import Strategy, path_causes
from devcluster.apiserver.objects import Object

_GROUP = "rbac.authorization.k8s.io"


class _PathNamed(Strategy):
    """Names may be any path segment, such as ``system:node``."""

    creates_on_update = True

    def name_causes(self, field: str, name: str) -> Iterable[Cause]:
        return path_causes(field, name)


class RoleStrategy(_PathNamed):
    """Roles and ClusterRoles."""

    def validate(self, obj: Object) -> Iterator[Cause]:
        for index, rule in enumerate(obj.get("rules") or ()):
            path = f"rules[{index}]"
            if not rule.get("verbs"):
                yield required(f"{path}.verbs", "verbs must contain at least one value")
            if rule.get("nonResourceURLs"):
                if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
                    yield invalid_value(
                        f"{path}.nonResourceURLs",
                        rule["nonResourceURLs"],
                        "rules cannot apply to both regular resources and non-resource URLs",
                    )
                continue
            if not rule.get("apiGroups"):
                detail = "resource rules must supply at least one api group"
                yield required(f"{path}.apiGroups", detail)
            if not rule.get("resources"):
                detail = "resource rules must supply at least one resource"
                yield required(f"{path}.resources", detail)


class BindingStrategy(_PathNamed):
    """RoleBindings and ClusterRoleBindings."""

    def default(self, obj: Object) -> None:
        if isinstance(obj.get("roleRef"), dict):
            obj["roleRef"].setdefault("apiGroup", _GROUP)
        for subject in obj.get("subjects") or ():
            if subject.get("kind") in {"User", "Group"}:
                subject.setdefault("apiGroup", _GROUP)

    def validate(self, obj: Object) -> Iterator[Cause]:
        reference = obj.get("roleRef") or {}
        kinds = ("ClusterRole", "Role") if obj["metadata"].get("namespace") else ("ClusterRole",)
        if reference.get("kind") not in kinds:
            yield not_supported("roleRef.kind", reference.get("kind", ""), kinds)
        if not reference.get("name"):
            yield required("roleRef.name")
        for index, subject in enumerate(obj.get("subjects") or ()):
            path = f"subjects[{index}]"
            if not subject.get("name"):
                yield required(f"{path}.name")
            if subject.get("kind") == "ServiceAccount":
                if not subject.get("namespace"):
                    yield required(f"{path}.namespace")
            elif subject.get("kind") not in {"User", "Group"}:
                known = ("Group", "ServiceAccount", "User")
                yield not_supported(f"{path}.kind", subject.get("kind", ""), known)

    def validate_update(self, new: Object, old: Object) -> Iterator[Cause]:
        if new.get("roleRef") != old.get("roleRef"):
            yield invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")
