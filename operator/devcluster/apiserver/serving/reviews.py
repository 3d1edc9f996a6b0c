"""Reviews: questions about users and rights, answered and not stored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from devcluster.apiserver.access.rbac import Authorizer, Request
from devcluster.apiserver.access.tokens import ISSUER, Tokens, User
from devcluster.apiserver.errors import ApiError, bad_request, invalid, invalid_value
from devcluster.apiserver.kinds.resource import Resource
from devcluster.apiserver.objects import Object


class Reviews:
    """Answers reviews."""

    def __init__(self, tokens: Tokens, authorizer: Authorizer) -> None:
        self._tokens = tokens
        self._authorizer = authorizer

    def answer(self, resource: Resource, body: Object, user: User, namespace: str) -> Object:
        """The review with its status filled in.

        Raises:
            ApiError: 400 or 422, the review asks nothing.
        """
        kind = resource.kind
        spec = body.get("spec") or {}
        match kind:
            case "SelfSubjectAccessReview":
                status = self._access(user, spec)
            case "SubjectAccessReview" | "LocalSubjectAccessReview":
                if not spec.get("user") and not spec.get("groups"):
                    raise bad_request(f"{kind} needs spec.user or spec.groups")
                subject = User(spec.get("user", ""), tuple(spec.get("groups") or ()))
                status = self._access(subject, spec)
            case "SelfSubjectRulesReview":
                status = self._rules(user, spec.get("namespace") or namespace)
            case "SelfSubjectReview":
                status = {"userInfo": user.info()}
            case _:
                status = self._token(spec)
        metadata = {**(body.get("metadata") or {}), "creationTimestamp": None}
        typed = {"kind": kind, "apiVersion": resource.api_version}
        return {**body, **typed, "metadata": metadata, "spec": spec, "status": status}

    def _access(self, user: User, spec: Mapping[str, Any]) -> Object:
        resource, plain = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if (resource is None) == (plain is None):
            detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            cause = invalid_value("spec.resourceAttributes", resource, detail)
            raise invalid("", "authorization.k8s.io", "", [cause])
        if plain is not None:
            request = Request(user=user, verb=plain.get("verb", ""), path=plain.get("path", ""))
        else:
            assert resource is not None
            request = Request(
                user=user,
                verb=resource.get("verb", ""),
                group=resource.get("group", ""),
                resource=resource.get("resource", ""),
                subresource=resource.get("subresource", ""),
                namespace=resource.get("namespace", ""),
                name=resource.get("name", ""),
            )
        reason = self._authorizer.allows(request)
        if reason is None:
            return {"allowed": False}
        return {"allowed": True, "reason": reason} if reason else {"allowed": True}

    def _rules(self, user: User, namespace: str) -> Object:
        if not namespace:
            raise bad_request("no namespace on request")
        rules = self._authorizer.rules_for(user, namespace)
        return {
            "resourceRules": [rule for rule in rules if rule.get("resources")],
            "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
            "incomplete": False,
        }

    def _token(self, spec: Mapping[str, Any]) -> Object:
        audiences = spec.get("audiences") or [ISSUER]
        try:
            user = self._tokens.user(spec.get("token", ""), audiences[0])
        except ApiError:
            return {"user": {}, "error": "invalid bearer token"}
        return {"authenticated": True, "user": user.info(), "audiences": audiences}


def token_request(tokens: Tokens, account: Object, body: Object) -> Object:
    """Issue a token for a ServiceAccount, as ``kubectl create token`` asks."""
    spec = body.get("spec") or {}
    seconds = spec.get("expirationSeconds") or 3600
    audiences = spec.get("audiences") or [ISSUER]
    token, expires = tokens.issue(account, audiences, seconds)
    moment = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": account["metadata"]["name"],
            "namespace": account["metadata"]["namespace"],
            "creationTimestamp": None,
        },
        "spec": {
            "audiences": audiences,
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": moment},
    }
