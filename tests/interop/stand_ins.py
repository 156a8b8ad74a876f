"""Small servers in front of a broker, for what upstream tests expect around it.

- Forwarder: listens on another address and passes bytes on.
- Management: passes AMQP on and closes connections when told to over HTTP, with the two calls of RabbitMQ's
  management API that amqp091-go's tests of recovery make. To the client the product behind it is RabbitMQ: some of its
  tests do nothing, and pass, with any other.

Used only where the broker does not offer the thing itself. What is proved is always the broker's own answer to AMQP.
"""

import http.server
import json
import selectors
import socket
import struct
import threading
import urllib.parse

_READ_SIZE = 65536


class Forwarder:
    """Passes connections to (host, port) on to `target`, until stop()."""

    def __init__(self, host, port, target):
        self._target = target
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(self._target) as broker:
                self._pump(client, broker)
        except OSError:
            pass  # Either side may go at any time.

    @staticmethod
    def _pump(client, broker):
        other = {client: broker, broker: client}
        with selectors.DefaultSelector() as selector:
            for side in other:
                selector.register(side, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(_READ_SIZE)
                    if not data:
                        return
                    other[key.fileobj].sendall(data)


_METHOD_FRAME = 1
_START = struct.pack(">HH", 10, 10)
_CLOSE = struct.pack(">HH", 10, 50)
_CLOSE_OK = struct.pack(">HH", 10, 51)
_NAME_FIELD = b"\x0fconnection_nameS"
_PRODUCT_FIELD = b"\x07productS"
_PRODUCT = b"RabbitMQ"
_FORCED_TEXT = b"CONNECTION_FORCED - Closed via management plugin"


class _Connection:
    """One AMQP connection on its way through Management."""

    CLOSE_TIMEOUT_S = 10

    def __init__(self, client, broker):
        self.name = "%s:%d -> %s:%d" % (client.getpeername()[:2] + client.getsockname()[:2])
        self.client_name = ""
        self._client = client
        self._broker = broker
        self._to_client = threading.Lock()
        self._dropped = False

    def drop(self):
        """To the broker it is a client that vanished, to the client a broker that closes with 320."""
        payload = _CLOSE + struct.pack(">HB", 320, len(_FORCED_TEXT)) + _FORCED_TEXT + struct.pack(">HH", 0, 0)
        with self._to_client:
            self._dropped = True
            self._broker.shutdown(socket.SHUT_RDWR)
            self._client.settimeout(self.CLOSE_TIMEOUT_S)
            self._client.sendall(struct.pack(">BHI", _METHOD_FRAME, 0, len(payload)) + payload + b"\xce")

    def from_client(self):
        with self._client.makefile("rb") as stream:
            self._broker.sendall(stream.read(8))
            while frame := _read_frame(stream):
                if self._dropped:
                    if frame[0] == _METHOD_FRAME and frame[7:11] == _CLOSE_OK:
                        return
                    continue
                if not self.client_name:
                    self.client_name = _client_name(frame)
                try:
                    self._broker.sendall(frame)
                except OSError:
                    if not self._dropped:
                        return

    def from_broker(self):
        with self._broker.makefile("rb") as stream:
            while frame := _read_frame(stream):
                if frame[0] == _METHOD_FRAME and frame[7:11] == _START:
                    frame = _with_product(frame)
                with self._to_client:
                    if self._dropped:
                        return
                    self._client.sendall(frame)


def _read_frame(stream):
    header = stream.read(7)
    if len(header) < 7:
        return b""
    rest = stream.read(struct.unpack(">I", header[3:])[0] + 1)
    return header + rest if rest else b""


def _client_name(frame):
    at = frame.find(_NAME_FIELD)
    if at < 0:
        return ""
    at += len(_NAME_FIELD)
    (length,) = struct.unpack_from(">I", frame, at)
    return frame[at + 4:at + 4 + length].decode()


def _with_product(frame):
    """connection.start with another product: class, method and version are before the table's length."""
    at = frame.find(_PRODUCT_FIELD)
    if at < 0:
        return frame
    at += len(_PRODUCT_FIELD)
    (length,) = struct.unpack_from(">I", frame, at)
    payload = frame[7:at] + struct.pack(">I", len(_PRODUCT)) + _PRODUCT + frame[at + 4 + length:-1]
    (table,) = struct.unpack_from(">I", payload, 6)
    payload = payload[:6] + struct.pack(">I", table + len(_PRODUCT) - length) + payload[10:]
    return frame[:3] + struct.pack(">I", len(payload)) + payload + frame[-1:]


class Management:
    """AMQP on `amqp_port`, `GET /api/connections/` and `DELETE /api/connections/NAME` on `http_port`."""

    def __init__(self, amqp_port, http_port, target):
        self._target = target
        self._connections = {}
        self._listener = socket.create_server(("127.0.0.1", amqp_port))
        threading.Thread(target=self._accept, daemon=True).start()
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", http_port), self._handler())
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def stop(self):
        self._listener.close()
        self._http.shutdown()
        self._http.server_close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, socket.create_connection(self._target) as broker:
            connection = _Connection(client, broker)
            self._connections[connection.name] = connection

            def back():
                try:
                    connection.from_broker()
                except OSError:
                    pass
                if not connection._dropped:
                    _shut(client)

            returning = threading.Thread(target=back, daemon=True)
            returning.start()
            try:
                connection.from_client()
            except OSError:
                pass
            _shut(broker)
            returning.join()
            del self._connections[connection.name]

    def _handler(self):
        connections = self._connections

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                listed = [{"name": c.name, "client_properties": {"connection_name": c.client_name}}
                          for c in list(connections.values())]
                known = self.path.rstrip("/") == "/api/connections"
                self._answer(200 if known else 404, json.dumps(listed).encode() if known else b"")

            def do_DELETE(self):
                name = urllib.parse.unquote(self.path.removeprefix("/api/connections/"))
                connection = connections.get(name)
                if connection:
                    connection.drop()
                self._answer(204 if connection else 404, b"")

            def _answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def _shut(side):
    try:
        side.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
