"""Runs a program of ours by a wall clock that a test sets, also while the program runs.

Usage: ``python wallclock.py FILE MODULE ARGUMENTS…``. FILE holds what the clock is ahead, in
milliseconds, as eight bytes; see `set_ahead`. Only the wall clock is shifted: the monotonic one
goes on, as when a person or NTP sets a machine's clock.
"""

import datetime as dt
import mmap
import runpy
import struct
import sys
import time
from pathlib import Path


def set_ahead(file: Path, seconds: float) -> None:
    """Set what a program's clock is ahead of the real one; negative: behind."""
    data = struct.pack("<q", int(seconds * 1000))
    if file.exists():  # the program has the file mapped: it must stay the same one
        with file.open("r+b") as stream:
            stream.write(data)
    else:
        file.write_bytes(data)


def shift(file: Path) -> None:
    """Make this process live by the shifted clock."""
    with file.open("rb") as stream:
        ahead = mmap.mmap(stream.fileno(), 8, access=mmap.ACCESS_READ)
    real = time.time_ns

    def time_ns() -> int:
        return real() + struct.unpack_from("<q", ahead)[0] * 1_000_000

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
    dt.datetime = _Shifted


class _LikeDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _DATETIME)


_DATETIME = dt.datetime


class _Shifted(_DATETIME, metaclass=_LikeDatetime):
    """The standard class reads the machine's clock by itself; this one asks ``time``."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> "_Shifted":
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "_Shifted":
        return cls.now(dt.UTC).replace(tzinfo=None)


def main() -> None:
    """Shift the clock, then run the module as ``python -m`` would."""
    del sys.path[0]  # this folder: its names are the tests' own
    file, module = sys.argv[1:3]
    sys.argv = sys.argv[2:]
    shift(Path(file))
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
