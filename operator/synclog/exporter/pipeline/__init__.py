"""From a `RunSpec` to a `RunResult`: read, prove, write parts, commit, report."""

from synclog.exporter.pipeline.run import run, window_count
from synclog.exporter.pipeline.site import Reader, Site

__all__ = ["Reader", "Site", "run", "window_count"]
