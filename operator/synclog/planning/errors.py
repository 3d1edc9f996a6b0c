"""What planning may refuse."""


class SpecError(ValueError):
    """Raised when a spec says something that the CRD's schema cannot check and nobody can do."""
