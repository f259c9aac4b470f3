"""A web server on the loopback interface that misbehaves on demand, for the download tests."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ArchiveServer:
    """What it serves, how it fails, and what it was asked for."""

    content: bytes = b""
    url: str = ""
    ranges: bool = True  # whether it honours Range requests
    etag: bool = True  # whether it names the version of its content
    says_length: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)  # bytes of body sent, request by request
    statuses: list[int] = field(default_factory=list)  # error answers, request by request
    asked: list[str] = field(default_factory=list)  # the Range header of each request, or ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one GET request."""
        wanted = handler.headers.get("Range", "")
        self.asked.append(wanted)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            handler.send_error(status)
            return
        tag = f'"{hashlib.md5(self.content).hexdigest()}"'
        start, total = 0, len(self.content)
        if self.ranges and wanted and handler.headers.get("If-Range", tag) == tag:
            start = int(re.match(r"bytes=(\d+)-$", wanted)[1])  # type: ignore[index]
        if start >= total > 0:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{total}")
            handler.send_header("Content-Length", "0")
        elif start:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            handler.send_header("Content-Length", str(total - start))
        else:
            handler.send_response(200)
            if self.says_length:
                handler.send_header("Content-Length", str(total))
        if self.etag:
            handler.send_header("ETag", tag)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        body = self.content[start:]
        if self.cut_after:
            body = body[: self.cut_after.pop(0)]
        handler.wfile.write(body)


@contextlib.contextmanager
def serving(content: bytes) -> Iterator[ArchiveServer]:
    """Serve `content` at ``server.url`` until the block ends."""
    behaviour = ArchiveServer(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (the name that http.server calls)
            behaviour.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    behaviour.url = f"http://127.0.0.1:{server.server_port}/flames"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield behaviour
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
