"""The least that an exporter does with a body: no scanner can make it faster than this.

It reads with httpx in a thread of its own, hashes, compresses, writes and syncs, with the
product's own pieces. It finds no record, proves nothing, and keeps no ledger. Run by file: so it
is measured as a process, as the exporter is.
"""

import os
import sys
from pathlib import Path

import httpx

from synclog.api.output import Compression
from synclog.exporter.ahead import ahead
from synclog.exporter.codec import Digest, compressed
from synclog.exporter.source import transport

TOKEN = "BENCH_TOKEN"


def main(url: str, target: str, compression: str) -> None:
    """Get ``url`` into the file ``target``."""
    headers = {"Authorization": f"Bearer {os.environ[TOKEN]}", "Accept-Encoding": "identity"}
    plain, stored = Digest(), Digest()
    with (
        httpx.Client(timeout=transport.TIMEOUT, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as response,
        Path(target).open("xb") as file,
    ):
        response.raise_for_status()
        with ahead(response.iter_raw()) as blocks:
            packed = compressed(plain.of(blocks), Compression(compression))
            file.writelines(packed if compression == Compression.NONE else stored.of(packed))
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
