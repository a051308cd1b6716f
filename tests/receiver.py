"""A receiver of webhooks: a real server on this machine that writes down what it gets."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Answers each path by its name: `/200`, `/500`, `/redirect`, `/drip`."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.got: list[dict[str, Any]] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"receiver": self}))
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    def url(self, path: str = "200", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/{path}"

    @property
    def ids(self) -> list[str]:
        return [got["headers"]["webhook-id"] for got in self.got]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.receiver.got.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})
        answer = self.path.strip("/").partition("?")[0]
        if answer == "drip":
            self._drip()
        elif answer == "redirect":
            self.send_response(302)
            self.send_header("Location", self.receiver.url("200"))
            self.end_headers()
        else:
            self.send_response(int(answer))
            self.end_headers()

    def _drip(self) -> None:
        """Answers a letter at a time and never ends."""
        try:
            for _ in range(100):
                self.wfile.write(b"X")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Nothing on the screen."""


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(context)
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
