"""Spools without a file."""


class MemorySpool:
    """A spool in memory."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self.data += data
        return len(data)

    def truncate(self, size: int, /) -> int:
        assert size <= len(self.data)
        del self.data[size:]
        return size

    def tell(self) -> int:
        return len(self.data)
