"""Role-based access control, from the Role and Binding objects that are in the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devcluster.apiserver import errors
from devcluster.apiserver.access.tokens import User
from devcluster.apiserver.errors import ApiError
from devcluster.apiserver.objects import Object
from devcluster.apiserver.storage.store import Key, Store

GROUP = "rbac.authorization.k8s.io"
_WILDCARD = "*"
Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to do; ``path`` is set for requests outside the resources."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """``pods`` or ``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Authorizer:
    """Decides by the rules in the store, as they are at the moment."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, request: Request) -> str | None:
        """Why the request is allowed, or None."""
        if "system:masters" in request.user.groups:
            return ""
        for rule, source in self._rules(request.user, request.namespace):
            if _matches(rule, request):
                return source
        return None

    def check(self, request: Request) -> None:
        """Refuse what is not allowed.

        Raises:
            ApiError: 403.
        """
        if self.allows(request) is None:
            raise _refusal(request)

    def rules_for(self, user: User, namespace: str) -> Sequence[Rule]:
        """Every rule that holds for a user in a namespace."""
        if "system:masters" in user.groups:
            everything = [_WILDCARD]
            return [
                {"apiGroups": everything, "resources": everything, "verbs": everything},
                {"nonResourceURLs": everything, "verbs": everything},
            ]
        return [rule for rule, _ in self._rules(user, namespace)]

    def _rules(self, user: User, namespace: str) -> Iterator[tuple[Rule, str]]:
        for binding in self._store.list(f"clusterrolebindings.{GROUP}"):
            subject = _bound_subject(binding, user, "")
            if subject:
                source = f'RBAC: allowed by ClusterRoleBinding "{binding["metadata"]["name"]}"'
                yield from self._role_rules(binding, "", subject, source)
        if not namespace:
            return
        for binding in self._store.list(f"rolebindings.{GROUP}", namespace):
            subject = _bound_subject(binding, user, namespace)
            if subject:
                source = f'RBAC: allowed by RoleBinding "{binding["metadata"]["name"]}/{namespace}"'
                yield from self._role_rules(binding, namespace, subject, source)

    def _role_rules(
        self, binding: Object, namespace: str, subject: str, source: str
    ) -> Iterator[tuple[Rule, str]]:
        reference = binding["roleRef"]
        kind, name = reference["kind"], reference["name"]
        cluster = kind == "ClusterRole"
        table = f"clusterroles.{GROUP}" if cluster else f"roles.{GROUP}"
        role = self._store.get(Key(table, "" if cluster else namespace, name))
        for rule in (role or {}).get("rules") or ():
            yield rule, f'{source} of {kind} "{name}" to {subject}'


def _bound_subject(binding: Object, user: User, namespace: str) -> str:
    """The first subject of a binding that the user is, as reasons name it; empty for none."""
    for subject in binding.get("subjects") or ():
        name = subject.get("name")
        match subject.get("kind"):
            case "User" if name == user.name:
                return f'User "{name}"'
            case "Group" if name in user.groups:
                return f'Group "{name}"'
            case "ServiceAccount":
                where = subject.get("namespace") or namespace
                if user.name == f"system:serviceaccount:{where}:{name}":
                    return f'ServiceAccount "{name}/{where}"'
            case _:
                pass
    return ""


def _has(values: Sequence[str] | None, wanted: str) -> bool:
    return values is not None and (_WILDCARD in values or wanted in values)


def _matches(rule: Rule, request: Request) -> bool:
    if not _has(rule.get("verbs"), request.verb):
        return False
    if request.path:
        return any(
            url == _WILDCARD
            or url == request.path
            or (url.endswith("*") and request.path.startswith(url[:-1]))
            for url in rule.get("nonResourceURLs") or ()
        )
    if not _has(rule.get("apiGroups"), request.group):
        return False
    resources = rule.get("resources") or ()
    any_subresource = f"*/{request.subresource}" if request.subresource else None
    if not _has(resources, request.full_resource) and any_subresource not in resources:
        return False
    names = rule.get("resourceNames")
    return not names or request.name in names


def _refusal(request: Request) -> ApiError:
    if request.path:
        return ApiError(
            403,
            "Forbidden",
            f'forbidden: User "{request.user.name}" cannot {request.verb} path "{request.path}"',
            details={},
        )
    if request.namespace:
        scope = f' in the namespace "{request.namespace}"'
    else:
        scope = " at the cluster scope"
    return errors.forbidden(
        request.resource,
        request.group,
        request.name,
        f'User "{request.user.name}" cannot {request.verb} resource "{request.full_resource}" in '
        f'API group "{request.group}"{scope}',
    )
