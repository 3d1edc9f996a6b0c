"""Verifying an archive: the chain, every byte, every count, and what is missing."""

from synclog.exporter.verify.report import Finding, Report, Verdict, printable
from synclog.exporter.verify.verifier import verify

__all__ = ["Finding", "Report", "Verdict", "printable", "verify"]
