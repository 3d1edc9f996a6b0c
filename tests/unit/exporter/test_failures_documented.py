"""docs/destinations.md has a row for every way in which a destination fails, and for no other."""

import ast
import re
from pathlib import Path

from synclog.exporter import destination, errors
from synclog.exporter.destination import volume

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| .+? \| (`\w+`(?:, `\w+`)*) \| (\d+) \| .+ \|$", re.MULTILINE)
KINDS = {
    kind.__name__: int(kind.exit_code)
    for kind in (errors.ConfigurationError, errors.AuthorisationError, errors.DestinationError)
}
ELSEWHERE = {("NoDestination", 10)}
"""Of the command line alone."""


def raised():
    """Every reason in the code of destinations, with its exit code."""
    for file in Path(destination.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(reason)), *_]):
                    if kind in KINDS:
                        yield reason, KINDS[kind]
    for reason, _ in volume._FAILURES.values():
        yield reason, KINDS["DestinationError"]


def test_every_failure_has_its_row():
    text = (ROOT / "docs/destinations.md").read_text().partition("## When it fails")[2]
    documented = {
        (reason, int(code))
        for reasons, code in ROW.findall(text)
        for reason in re.findall(r"\w+", reasons)
    }
    assert documented == set(raised()) - ELSEWHERE
