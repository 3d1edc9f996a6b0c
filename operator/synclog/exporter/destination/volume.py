"""A folder of a file system as a destination: a mounted volume in a pod, any folder on a laptop.

A file is written under a temporary name, synced, and then *linked* to its own name: ``link``
fails where the name exists, on NFS too, while ``rename`` replaces. Then the folder is synced.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO

from synclog.exporter.destination.base import UNKNOWN, Guarantee, Stored, checked
from synclog.exporter.errors import ConfigurationError, DestinationError, IntegrityError

DRAFTS = "_synclog/tmp"
"""Folder of the files that are being written. What a killed process leaves there is litter."""

_LOST = "lost+found"
"""The file system's own, at its root; only root may look into it."""

_BLOCK = 1 << 20
_PART_SIZE = 256 << 20

_FAILURES = {
    errno.ENOSPC: ("DestinationFull", "there is no space left: enlarge the volume"),
    errno.EDQUOT: ("DestinationFull", "the quota is used up: raise it"),
    errno.EFBIG: ("DestinationFull", "the file system takes no file of this size"),
    errno.EROFS: ("DestinationReadOnly", "the file system is mounted read-only: mount it writable"),
    errno.EACCES: (
        "DestinationDenied",
        "permission is denied: give the exporter's user or fsGroup write access to the folder",
    ),
    errno.EPERM: (
        "DestinationDenied",
        "the operation is not permitted: give the exporter's user write access to the folder",
    ),
    errno.ESTALE: ("DestinationStale", "the file handle is stale: the volume was mounted anew"),
    errno.EIO: ("DestinationFailed", "the device reports an input or output error"),
    errno.ENOTDIR: ("DestinationFailed", "a file is in the way where a folder is needed"),
}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


@contextmanager
def _reported(doing: str) -> Iterator[None]:
    """Turn the operating system's errors into the exporter's."""
    try:
        yield
    except OSError as error:
        reason, advice = _FAILURES.get(
            error.errno or 0, ("DestinationFailed", error.strerror or type(error).__name__)
        )
        raise DestinationError(reason, f"{doing} failed: {advice}") from error


class Volume:
    """A destination in a folder. The folder must exist; what is below it is made as needed.

    Args:
        root: the folder.
        part_size: plain bytes that one part should not exceed by more than a record.
    """

    room = 0
    """A file is written while it is packed: little is left to do side by side."""

    def __init__(self, root: Path, *, part_size: int = _PART_SIZE) -> None:
        self._root = root
        self._is = _identity(root)
        self._durable: set[Path] = set()
        self.part_size = part_size

    def __str__(self) -> str:
        # Its name may hold any byte, and is written into reports and messages.
        return os.fsencode(self._root).decode(errors="backslashreplace")

    def probe(self) -> None:
        """See `Destination.probe`: tries whether a second link to one name is refused."""
        if not self._root.is_dir():
            raise ConfigurationError(
                "DestinationMissing", f"{self} is not a folder: mount the volume or create it"
            )
        name = f"{DRAFTS}/probe-{secrets.token_hex(8)}"
        try:
            if self._refuses_a_second(name):
                return
        except DestinationError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.filename2 and cause.errno in _NO_LINKS:
                raise ConfigurationError(
                    "CreateOnlyUnsupported",
                    "the destination's file system has no hard links, so a file cannot be "
                    "created without the risk of replacing another: use a volume with a "
                    "POSIX file system, such as ext4, XFS or NFS",
                ) from error
            raise
        finally:
            with suppress(OSError):
                self._path(name).unlink()
        raise ConfigurationError(
            "CreateOnlyUnsupported",
            "the destination's file system lets a new link replace a file, so two exporters "
            "could overwrite each other's ledger: use a volume with a POSIX file system",
        )

    def _refuses_a_second(self, name: str) -> bool:
        """Whether a name that is taken stays with its first file."""
        if not self.create(name, b"1") or self.create(name, b"2"):
            return False
        found = self.read(name)
        if found is None:
            raise DestinationError(
                "DestinationUnstable", f"{name} was there and then was not: try again"
            )
        return found == b"1"

    def guarantee(self, path: str | None) -> Guarantee:
        """See `Destination.guarantee`. A file system tells of no retention."""
        return Guarantee(creation="link", retention=UNKNOWN if path else "")

    @contextmanager
    def draft(self) -> Iterator["VolumeDraft"]:
        """See `Destination.draft`."""
        name = f"{DRAFTS}/{secrets.token_hex(16)}"
        path = self._path(name)
        with _reported(f"creating {name}"):
            self._make_folder(path.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            yield VolumeDraft(self, descriptor, path)
        finally:
            # Whatever happened before is what the caller must hear; a draft left is litter.
            with suppress(OSError):
                path.unlink()
            with suppress(OSError):
                os.close(descriptor)

    def create(self, path: str, data: bytes) -> bool:
        """See `Destination.create`."""
        with self.draft() as draft:
            draft.write(data)
            return draft.publish(path)

    def read(self, path: str) -> bytes | None:
        """See `Destination.read`."""
        with _reported(f"reading {path}"):
            try:
                with self._opened(path) as file:
                    return file.read()
            except FileNotFoundError:
                return None

    def size(self, path: str) -> int | None:
        """See `Destination.size`."""
        with _reported(f"looking at {path}"):
            try:
                found = self._path(path).stat()
            except FileNotFoundError:
                return None
        if not S_ISREG(found.st_mode):
            raise _no_file(path)
        return found.st_size

    def blocks(self, path: str) -> Iterator[bytes]:
        """See `Destination.blocks`."""
        with _reported(f"reading {path}"), self._opened(path) as file:
            while block := file.read(_BLOCK):
                yield block

    def files(self) -> Iterator[Stored]:
        """See `Destination.files`."""
        with _reported("listing the destination"):
            for folder, folders, names in os.walk(self._root, onerror=_raise):
                folders.sort()
                if Path(folder) == self._root and _LOST in folders:
                    folders.remove(_LOST)
                for name in sorted(names):
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):  # a draft that ended meanwhile
                        # Of a link itself: where it leads to is not in the destination.
                        size = path.lstat().st_size
                        yield Stored(path.relative_to(self._root).as_posix(), size)

    def link(self, source: Path, path: str) -> bool:
        """Give a synced file its own name. False if the name exists and is another file's."""
        target = self._path(path)
        with _reported(f"creating {path}"):
            self._make_folder(target.parent)
            try:
                os.link(source, target)
            except FileExistsError:
                # Over NFS the answer to a link that was made can be lost, and the client's own
                # retry is then told that the name exists.
                ours = source.stat().st_nlink == 2 and source.samefile(target)
            else:
                ours = True
            # Also for a file that exists: who linked it may have been killed before the sync, and
            # the entry that will name it must not outlive it.
            _sync_folder(target.parent)
        return ours

    def _opened(self, path: str) -> BinaryIO:
        # Whoever opens a pipe that has the name of a file waits for its other end.
        if not S_ISREG(self._path(path).stat().st_mode):
            raise _no_file(path)
        return self._path(path).open("rb", buffering=0)

    def _path(self, path: str) -> Path:
        return self._root / checked(path)

    def _make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, and make sure that they last."""
        if folder == self._root:
            # Never made, nor is another put up with, such as the one that a volume was mounted
            # on: what is written there would not be on the volume.
            if self._is is None or _identity(folder) != self._is:
                raise DestinationError(
                    "DestinationGone", f"{folder} is not there any more: mount the volume again"
                )
            return
        self._make_folder(folder.parent)
        if folder in self._durable and folder.is_dir():
            return
        with suppress(FileExistsError):
            folder.mkdir(mode=0o750)
        # Also of a folder that exists: who made it may have been killed before the sync.
        _sync_folder(folder.parent)
        self._durable.add(folder)


class VolumeDraft:
    """A file of a `Volume` that is being written. See `Draft`."""

    def __init__(self, volume: Volume, descriptor: int, path: Path) -> None:
        self._volume = volume
        self._descriptor = descriptor
        self._path = path

    def write(self, data: bytes | memoryview, /) -> None:
        """See `Draft.write`."""
        rest = memoryview(data)
        with _reported("writing a part"):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def publish(self, path: str, /) -> bool:
        """See `Draft.publish`."""
        with _reported(f"syncing {path}"):
            os.fsync(self._descriptor)
        return self._volume.link(self._path, path)


def _no_file(path: str) -> IntegrityError:
    return IntegrityError(
        "UnsafePath", f"{path} is no file: a folder, a pipe or a device has its name"
    )


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one at the same path; None if there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if S_ISDIR(found.st_mode) else None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot sync a folder and need not: they order it themselves.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _raise(error: OSError) -> None:
    raise error
