"""The exporter's errors: each one names how the process ends and what a person reads.

::

    ExportError
    ├── ConfigurationError      the spec or a mounted file is wrong or missing
    ├── AuthorisationError      the source or the destination refuses the credentials
    ├── SourceError             the source failed; asking again may help
    │   ├── AnswerError         an answer has a shape that nobody can read safely
    │   └── UnprovenError       an answer could not be proven complete
    ├── DestinationError        the destination failed; trying again may help
    ├── IntegrityError          the ledger or the source contradicts itself
    ├── NotSettledError         the window is too young to be exported
    └── Interrupted             the process was told to stop, and stopped cleanly

Messages are shown in logs, in the resource's status and in termination messages: they never
hold a secret.
"""

from typing import ClassVar

from synclog.api.run import ExitCode


class ExportError(Exception):
    """The base of all errors that the exporter foresees.

    Args:
        reason: one CamelCase word for the kind of ending, such as ``TokenRefused``.
        message: a sentence for a person; where possible it says what to do.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class ConfigurationError(ExportError):
    """Raised when the spec or a mounted file is wrong or missing."""

    exit_code = ExitCode.CONFIGURATION


class AuthorisationError(ExportError):
    """Raised when the source or the destination refuses the credentials."""

    exit_code = ExitCode.AUTHORISATION


class SourceError(ExportError):
    """Raised when the source failed and the retries inside this process are used up."""

    exit_code = ExitCode.SOURCE


class AnswerError(SourceError):
    """Raised when an answer has a shape that cannot be read safely, such as a login page."""


class UnprovenError(SourceError):
    """Raised when an answer could not be proven complete."""


class DestinationError(ExportError):
    """Raised when the destination failed."""

    exit_code = ExitCode.DESTINATION


class IntegrityError(ExportError):
    """Raised when the ledger or the source contradicts itself: a person must look."""

    exit_code = ExitCode.INTEGRITY


class NotSettledError(ExportError):
    """Raised when the end of a window is younger than the settle delay."""

    exit_code = ExitCode.NOT_SETTLED


class Interrupted(ExportError):  # noqa: N818 - an ending, not an error
    """Raised when the process was told to stop, between two units of work."""

    exit_code = ExitCode.INTERRUPTED
