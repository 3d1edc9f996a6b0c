"""Where the files go: the interface that the exporter needs of a storage, and its adapters."""

from synclog.exporter.destination.base import PROBE, Destination, Draft, Guarantee, Stored
from synclog.exporter.destination.opening import PLACES, destination_at, destination_of
from synclog.exporter.destination.volume import Volume

__all__ = [
    "PLACES",
    "PROBE",
    "Destination",
    "Draft",
    "Guarantee",
    "Stored",
    "Volume",
    "destination_at",
    "destination_of",
]
