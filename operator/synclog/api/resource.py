"""The SyncLogExport as a whole."""

from typing import Annotated

from msgspec import Meta

from synclog.api.fields import Model
from synclog.api.spec import SyncLogExportSpec
from synclog.api.status import SyncLogExportStatus


class SyncLogExport(Model, frozen=True, kw_only=True):
    """Exports the Sync Log of one Code42 tenant into one destination, on a schedule."""

    spec: Annotated[SyncLogExportSpec, Meta(description="What is wanted.")]
    status: Annotated[
        SyncLogExportStatus | None, Meta(description="What is known. Written by the operator.")
    ] = None
