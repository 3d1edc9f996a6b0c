"""synclog-operator: every Sync Log event, exactly once, verifiably, in your own storage."""

__version__ = "0.1.0"
