"""What can go wrong between the operator and the API server.

::

    ApiError
    ├── UnavailableError     no answer, or one that says: later
    │   └── WebhookError     because an admission webhook gave the API server no answer
    ├── ConflictError        somebody else wrote the object first
    ├── AlreadyExistsError   an object of that name is there
    └── RefusedError         the API server understood and said no

    LostLeadershipError      this process must stop
"""


class ApiError(Exception):
    """Raised when a request to the API server did not do what was asked."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; 0 where no answer came."""
        self.reason = reason
        """The reason of the Kubernetes Status object, such as ``Forbidden``."""


class UnavailableError(ApiError):
    """Raised when the API server did not answer, or answered 429 or 5xx, until retries ran out."""


class WebhookError(UnavailableError):
    """Raised when an admission webhook that the API server has to ask does not answer it.

    That may last until somebody repairs the webhook, and it is said in no other place.
    """


class ConflictError(ApiError):
    """Raised when a write named a resourceVersion or uid that is not the object's any more."""


class AlreadyExistsError(ApiError):
    """Raised when an object to be created exists."""


class RefusedError(ApiError):
    """Raised when the API server refused a request for good: RBAC, validation, quota, admission."""


class LostLeadershipError(Exception):
    """Raised when this process may not act any more because its Lease ran out or was taken."""
