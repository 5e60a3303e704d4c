"""An HTTP proxy on loopback that tunnels, as the ones between a company and the world do."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from tests.support.raw_server import RawServer


@contextlib.contextmanager
def connect_proxy() -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the tunnels that were asked for, while it runs."""
    tunnels: list[str] = []

    def tunnel(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        method, address, _ = head.decode().split(" ", 2)
        tunnels.append(f"{method} {address}")
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=(target, connection), daemon=True)
            back.start()
            _pump(connection, target)
            back.join(10)

    with RawServer(tunnel) as server:
        yield server.url, tunnels


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
