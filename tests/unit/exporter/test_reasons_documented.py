"""docs/synclog-export.md explains every reason that an exporter ends with, with its exit code."""

import ast
import re
from pathlib import Path

from synclog import exporter
from synclog.exporter import errors

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| (\d+) \|", re.MULTILINE)
KINDS = {
    name: int(kind.exit_code)
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ExportError)
}
ELSEWHERE = {("NoLedger", 10), ("DestinationUnstable", 13)}
"""Of the commands that read an archive; and in docs/destinations.md."""


def raised():
    """Every reason in the code of the exporter, but that of destinations, with its exit code."""
    for file in Path(exporter.__file__).parent.rglob("*.py"):
        if file.parent.name == "destination":
            continue  # docs/destinations.md has these
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(reason)), *_]):
                    if kind in KINDS:
                        yield reason, KINDS[kind]


def test_every_reason_is_explained():
    documented = {
        (reason, int(code))
        for reasons, code in ROW.findall((ROOT / "docs/synclog-export.md").read_text())
        for reason in re.findall(r"\w+", reasons)
    }
    assert set(raised()) - ELSEWHERE - documented == set()
