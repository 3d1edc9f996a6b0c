"""What may follow what in a ledger: pure functions, used by the writer and by the verifier."""

from collections.abc import Iterable

from msgspec.structs import replace

from synclog.api import rounds as round_names
from synclog.api.run import Owner, Totals, WindowText
from synclog.exporter.errors import ConfigurationError, IntegrityError
from synclog.exporter.ledger.entries import (
    Adoption,
    Content,
    Identity,
    Lost,
    Publishing,
    Recheck,
    Record,
    SoFar,
    WindowRecord,
)
from synclog.windows import Window, Windows, format_time, parse_time


def window_of(text: WindowText) -> Window:
    """The window that a text names."""
    return Window(parse_time(text.start), parse_time(text.end))


def text_of(window: Window) -> WindowText:
    """A window as text."""
    return WindowText(start=format_time(window.start), end=format_time(window.end))


def windows_of(texts: Iterable[WindowText]) -> Windows:
    """The set of windows that texts name."""
    return Windows(map(window_of, texts))


def accounted(so_far: SoFar) -> Windows:
    """Every instant that is exported or known to be lost: none of it may be committed again."""
    return windows_of(so_far.coverage) | windows_of(so_far.lost)


def content_of(record: Record) -> Content | None:
    """The records that a record publishes; None for a kind that publishes none."""
    return record.content if isinstance(record, Publishing) else None


def after(so_far: SoFar | None, record: Record) -> SoFar:
    """What a ledger comes to when ``record`` follows ``so_far`` (None: an empty ledger).

    Raises:
        IntegrityError: ``record`` may not follow; what it may not do is never committed.
    """
    if isinstance(record, Identity):
        if so_far is not None:
            raise IntegrityError("ChainBroken", "a ledger can have only one identity, its entry 0")
        return SoFar(owner=record.owner)
    if so_far is None:
        raise IntegrityError("ChainBroken", "entry 0 of a ledger must be its identity")
    match record:
        case WindowRecord():
            window = free(so_far, window_of(record.window))
            return replace(
                so_far,
                coverage=_with(so_far.coverage, window),
                rechecked=_had(so_far.rechecked, record.rounds, window),
                totals=_plus(so_far.totals, record.content, windows=1),
            )
        case Lost():
            window = free(so_far, window_of(record.window))
            return replace(
                so_far,
                lost=_with(so_far.lost, window),
                totals=_plus(so_far.totals, record.content),
            )
        case Recheck():
            window = window_of(record.window)
            if not windows_of(so_far.coverage).covers(window):
                raise IntegrityError(
                    "ChainBroken", f"{window} is rechecked, but was not wholly exported before"
                )
            return replace(
                so_far,
                rechecked=_had(so_far.rechecked, record.rounds, window),
                totals=_plus(so_far.totals, record.content, late=record.content.events),
            )
        case Adoption():
            if record.before != so_far.owner:
                raise IntegrityError(
                    "ChainBroken",
                    f"an adoption from {named(record.before)} follows {named(so_far.owner)}",
                )
            return replace(so_far, owner=record.owner)


def free(so_far: SoFar, window: Window) -> Window:
    """The window itself, if no instant of it is accounted for.

    Raises:
        IntegrityError: some instant is.
    """
    taken = accounted(so_far)
    if taken.overlaps(window):
        raise IntegrityError(
            "WindowOverlaps",
            f"the window {window} overlaps what the ledger already accounts for; what is "
            f"missing of it: {', '.join(map(str, taken.gaps(window))) or 'nothing'}",
        )
    return window


def check_identity(found: Identity, wanted: Identity) -> None:
    """Refuse a ledger that holds something else than what is to be exported.

    Raises:
        ConfigurationError: the tenant or the form of the records differs.
    """
    if found.tenant != wanted.tenant:
        raise ConfigurationError(
            "TenantMismatch",
            f"the destination's ledger holds tenant {found.tenant}, not {wanted.tenant}: choose "
            f"another destination, or set source.tenant to {found.tenant} if only the host's "
            "name changed",
        )
    for field, is_now, shall_be in (
        ("source.format", found.source_format.value, wanted.source_format.value),
        ("output.format", found.output_format.value, wanted.output_format.value),
    ):
        if is_now != shall_be:
            raise ConfigurationError(
                "FormatMismatch",
                f"the destination's ledger was begun with {field} {is_now}, not {shall_be}: "
                "choose another destination, or the format that it has",
            )


def owns(owner: Owner, so_far: SoFar) -> bool:
    """Whether ``owner`` is the ledger's owner. A resource that was made anew still is."""
    return (owner.namespace, owner.name) == (so_far.owner.namespace, so_far.owner.name)


def named(owner: Owner) -> str:
    """An owner for a person."""
    return f"{owner.namespace}/{owner.name}"


def _with(texts: list[WindowText], window: Window) -> list[WindowText]:
    return [text_of(merged) for merged in windows_of(texts) | Windows([window])]


def _had(
    rechecked: dict[str, list[WindowText]], rounds: Iterable[str], window: Window
) -> dict[str, list[WindowText]]:
    had = {name: _with(rechecked.get(name, []), window) for name in rounds}
    together = {**rechecked, **had}
    return {name: together[name] for name in round_names.current(together)}


def _plus(totals: Totals, content: Content, *, windows: int = 0, late: int = 0) -> Totals:
    return replace(
        totals,
        windows=totals.windows + windows,
        events=totals.events + content.events,
        bytes=totals.bytes + content.bytes,
        stored_bytes=totals.stored_bytes + sum(part.stored_bytes for part in content.parts),
        parts=totals.parts + len(content.parts),
        late_events=totals.late_events + late,
    )
