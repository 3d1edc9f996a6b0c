"""Where the files go: the interface that the exporter needs of a storage, and its adapters."""

from synclog.exporter.destination.base import Destination, Draft, Stored
from synclog.exporter.destination.volume import Volume

__all__ = ["Destination", "Draft", "Stored", "Volume"]
