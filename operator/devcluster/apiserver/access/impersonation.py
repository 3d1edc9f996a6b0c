"""Acting as somebody else: the ``Impersonate-*`` headers that ``kubectl --as`` sends."""

from collections.abc import Iterator, Sequence

from devcluster.apiserver.access.rbac import Authorizer, Request
from devcluster.apiserver.access.tokens import User, service_account_user

_ACCOUNT = "system:serviceaccount:"


def impersonate(
    authorizer: Authorizer, user: User, name: str, groups: Sequence[str], uid: str
) -> User:
    """The user that a request is made as.

    Raises:
        ApiError: 403, the requester may not act as this user or these groups.
    """
    for request in _requests(user, name, groups):
        authorizer.check(request)
    if name.startswith(_ACCOUNT) and not groups:
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        return service_account_user(namespace, account, uid)
    return User(name, (*groups, "system:authenticated"), uid)


def _requests(user: User, name: str, groups: Sequence[str]) -> Iterator[Request]:
    if name.startswith(_ACCOUNT):
        namespace, _, account = name.removeprefix(_ACCOUNT).partition(":")
        yield Request(
            user=user,
            verb="impersonate",
            resource="serviceaccounts",
            namespace=namespace,
            name=account,
        )
    else:
        yield Request(user=user, verb="impersonate", resource="users", name=name)
    for group in groups:
        yield Request(user=user, verb="impersonate", resource="groups", name=group)
