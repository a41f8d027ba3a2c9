"""A small schema registry with Confluent's HTTP interface, for tests: real HTTP, in a thread of the test process."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto


class SchemaServer:
    """Serves documents by path. `requests` are the paths that were asked for, `status` an answer for all of them.

    With `login`, requests without that Authorization are refused. With `hangs`, no answer comes.
    """

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.requests: list[str] = []
        self.status = 200
        self.login: str | None = None
        self.location: str | None = None
        self.wait = threading.Event()
        self.hangs = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # closing waits for them

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def avro(self, id_: int, schema: Any, references: list[dict[str, Any]] | None = None) -> None:
        """Register an Avro schema, as Confluent's registry returns one: without a type."""
        self.documents[f"/schemas/ids/{id_}"] = {
            "schema": orjson.dumps(schema).decode(),
            **({"references": references} if references else {}),
        }

    def protobuf(self, path: str, file: FileDescriptorProto, references: list[dict[str, Any]] | None = None) -> None:
        """Register a Protobuf schema at a path: its text, and its descriptor where that is asked for."""
        head = {"schemaType": "PROTOBUF", **({"references": references} if references else {})}
        self.documents[path] = {**head, "schema": 'syntax = "proto3"; ...'}
        serialized = base64.b64encode(file.SerializeToString()).decode()
        self.documents[f"{path}?format=serialized"] = {**head, "schema": serialized}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                if server.hangs:
                    server.wait.wait(30)
                status, document = server.answer(self.path, self.headers.get("Authorization"))
                body = document if isinstance(document, bytes) else orjson.dumps(document)
                self.send_response(status)
                if server.location is not None:
                    self.send_header("Location", server.location)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: Any) -> None:
                """Print nothing."""

        return Handler

    def answer(self, path: str, login: str | None) -> tuple[int, Any]:
        """Return the status and the body of an answer."""
        if self.login is not None and login != self.login:
            return 401, {"error_code": 401, "message": "who are you"}
        if self.status != 200:
            return self.status, {"error_code": self.status}
        if path not in self.documents:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, self.documents[path]

    @contextmanager
    def running(self) -> Iterator[SchemaServer]:
        """Answer while the block runs."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.wait.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def log_file() -> FileDescriptorProto:
    """Return a schema of two messages: ``Other``, and ``Log`` with a message ``Inner`` inside it.

    ``Log`` has a time of the well-known type, a level of an enumeration and the fields message and key.
    """
    file = FileDescriptorProto(name="log.proto", package="shop.v1", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    file.message_type.add(name="Other").field.add(name="x", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1)
    log = file.message_type.add(name="Log")
    for number, name in enumerate(("message", "key", "level"), 1):
        log.field.add(name=name, number=number, type=FieldDescriptorProto.TYPE_STRING, label=1)
    log.field.add(
        name="time", number=4, type=FieldDescriptorProto.TYPE_MESSAGE, label=1, type_name=".google.protobuf.Timestamp"
    )
    inner = log.nested_type.add(name="Inner")
    inner.field.add(name="message", number=1, type=FieldDescriptorProto.TYPE_STRING, label=1)
    return file
