"""The few requests of Google Cloud Storage's XML API that the storage library makes.

``python -m support.gcs BUCKET...`` runs the fake in a process of its own, until it is terminated.
"""

import hashlib
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 3
"""Objects a page of a list; so few that pages are turned in every test."""


class FakeGcs:
    """Buckets with objects. A creation with the condition "generation 0" replaces nothing."""

    def __init__(self, *buckets: str) -> None:
        self.objects: dict[str, dict[str, bytes]] = {name: {} for name in buckets}
        self._lock = threading.Lock()

    def put(self, bucket: str, name: str, body: bytes, generation: str | None) -> tuple[int, bytes]:
        with self._lock:
            if bucket not in self.objects:
                return 404, _error("NoSuchBucket")
            if generation == "0" and name in self.objects[bucket]:
                return 412, _error("PreconditionFailed")
            self.objects[bucket][name] = body
            return 200, b""

    def get(self, bucket: str, name: str) -> tuple[int, bytes]:
        if bucket not in self.objects:
            return 404, _error("NoSuchBucket")
        found = self.objects[bucket].get(name)
        return (404, _error("NoSuchKey")) if found is None else (200, found)

    def list(self, bucket: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if bucket not in self.objects:
            return 404, _error("NoSuchBucket")
        prefix = query.get("prefix", [""])[0]
        after = max(query.get(name, [""])[0] for name in ("start-after", "continuation-token"))
        with self._lock:
            names = sorted(
                name for name in self.objects[bucket] if name.startswith(prefix) and name > after
            )
        page, more = names[:_PAGE], names[_PAGE:]
        contents = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(self.objects[bucket][name])}</Size>"
            "<LastModified>2026-01-31T00:00:00.000Z</LastModified><ETag>e</ETag></Contents>"
            for name in page
        )
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        return 200, f"<ListBucketResult>{contents}{token}</ListBucketResult>".encode()


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code></Error>".encode()


def _handler(store: FakeGcs) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            bucket, _, name = unquote(parts.path).lstrip("/").partition("/")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "PUT":
                generation = self.headers.get("x-goog-if-generation-match")
                status, found = store.put(bucket, name, body, generation)
            elif name:
                status, found = store.get(bucket, name)
            else:
                status, found = store.list(bucket, parse_qs(parts.query))
            tag = hashlib.sha256(found).hexdigest()
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            total = len(found)
            if wanted and status == 200:
                start, end = int(wanted[1]), min(int(wanted[2] or total - 1), total - 1)
                status, found = 206, found[start : end + 1]
            self.send_response_only(status)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{end}/{total}")
            self.send_header("Content-Length", str(len(found)))
            self.send_header("ETag", f'"{tag}"')
            self.send_header("Last-Modified", formatdate(0, usegmt=True))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(found)

        do_GET = do_PUT = do_HEAD = _serve  # noqa: N815 - names of http.server

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def fake_gcs(*buckets: str) -> Iterator[str]:
    """A store in a thread of its own; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(FakeGcs(*buckets)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    with fake_gcs(*sys.argv[1:]) as at:
        print(at, flush=True)  # noqa: T201 - who started it reads it
        signal.pause()
