# SPDX-License-Identifier: Apache-2.0
"""A client that sends exactly the bytes that it is told to."""

import http.client
import socket

from support.processes import SLOW
from support.rest import Response


class RawConnection:
    """One TCP connection to a server; use it as a context manager."""

    def __init__(self, rest, context=None):
        self.socket = socket.create_connection((rest.host, rest.port), timeout=20 * SLOW)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=rest.host)
        self._file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()
        self.socket.close()

    def send(self, data):
        """Sends the bytes; a server that has closed already is not an error."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def response(self, method="GET"):
        """The next response, or None when the server has closed."""
        reply = http.client.HTTPResponse(_Source(self._file), method=method)
        try:
            reply.begin()
        except (http.client.BadStatusLine, ConnectionResetError):
            return None
        return Response(reply.status, reply.headers, reply.read())

    def is_closed(self):
        """Whether the server ends the connection now; waits for it."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True


class _Source:
    """http.client wants a socket, and would close its file."""

    def __init__(self, file):
        self._file = file

    def makefile(self, _mode):
        return _Unclosed(self._file)


class _Unclosed:
    def __init__(self, file):
        self._file = file

    def __getattr__(self, name):
        return getattr(self._file, name)

    def close(self):
        pass


def request(line, *fields, body=b"", host="localhost"):
    """The bytes of a request: `request("GET /v2/images", "X: 1")`."""
    head = "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", *fields, "", ""])
    return head.encode("latin-1") + body
