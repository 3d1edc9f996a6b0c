"""Opening the ledger of a destination for a run: probe, begin, recognise, adopt."""

import uuid
from urllib.parse import urlsplit

from synclog.api.run import RunSpec
from synclog.exporter.errors import ConfigurationError
from synclog.exporter.ledger import Adoption, Head, Identity, Ledger, Record
from synclog.exporter.ledger.entries import FORMAT
from synclog.exporter.ledger.rules import check_identity, named, owns
from synclog.exporter.pipeline.site import Site
from synclog.windows import MINUTE, Instant, format_time, parse_duration, parse_time

_HEADSTART = 15 * MINUTE
"""A ledger that shall begin with the oldest event begins this much later than the source's
oldest instant, because the source goes on forgetting while the first window is read."""


def tenant_of(spec: RunSpec) -> str:
    """The tenant's name in the ledger: as it is set, or the host of the source."""
    return spec.source.tenant or (urlsplit(spec.source.url).hostname or "")


def open_ledger(spec: RunSpec, site: Site, ledger: Ledger) -> Head:
    """The head of the ledger that the run belongs to; begins or adopts the ledger if need be.

    Raises:
        ConfigurationError: the ledger holds another tenant or form, or has another owner; or
            the destination cannot hold a ledger.
        IntegrityError: the ledger is not the one that the spec knows, or is shorter.
    """
    head = ledger.head(spec.ledger)
    if head is None:
        site.destination.probe()
        head = ledger.create(_identity(spec, _begin(spec, site)))
    check_identity(head.identity, _identity(spec, 0))
    if owns(spec.owner, head.so_far):
        return head
    if not spec.adopt:
        raise ConfigurationError(
            "OwnedByAnother",
            f"the destination's ledger belongs to {named(head.so_far.owner)}: choose another "
            "destination, or adopt the ledger if that export is gone for good",
        )
    head, _ = ledger.append(head, lambda head: _adoption(spec, head))
    return head


def _adoption(spec: RunSpec, head: Head) -> Record | None:
    if owns(spec.owner, head.so_far):
        return None
    return Adoption(owner=spec.owner, before=head.so_far.owner)


def _begin(spec: RunSpec, site: Site) -> Instant:
    """Where coverage starts: as wanted, but not before what the source can still show."""
    wanted = parse_time(spec.coverage_start)
    oldest = site.reader.server_time().server - parse_duration(spec.source.retention)
    if wanted > oldest:
        return wanted
    return -(-(oldest + _HEADSTART) // MINUTE) * MINUTE


def _identity(spec: RunSpec, start: Instant) -> Identity:
    return Identity(
        format=FORMAT,
        id=str(uuid.uuid4()),
        tenant=tenant_of(spec),
        source_format=spec.source.format,
        output_format=spec.output.format,
        coverage_start=format_time(start),
        owner=spec.owner,
    )
