"""Reads schemas from a registry with Confluent's HTTP interface, each id once.

It is called where lines are read, which waits for it: an id is asked for once, and then never again. What the answer
means:

* 404: there is no such schema (`UnknownSchemaError`). The registry is asked again after `ASK_AGAIN`.
* No answer, a time-out, any other status, an answer that is not what it should be: a PartitionError. No record is set
  aside for it; the partition starts again from its checkpoint. For `PAUSE` the registry is not asked, so that one that
  is away does not hold up partitions that do not need it.

A redirect is not followed, because another host would get the credentials. They are read for each request, so that
they can change. An answer has at most `LARGEST` bytes.
"""

from __future__ import annotations

import base64
import ssl
import urllib.error
import urllib.request
from collections import OrderedDict
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from daemon.core.formats import RegisteredSchema, UnknownSchemaError
from daemon.errors import PartitionError
from daemon.small_files import check_small, read_line

log = structlog.get_logger(__name__)

MOST = 1_000
"""Schemas that are kept, and ids that are known not to exist."""
LARGEST = 4 << 20
DEEPEST = 16
"""References inside one another."""
ASK_AGAIN = 30.0
PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """Where the registry is, and who the daemon is to it: a user with a password, or a bearer token's file."""

    url: str
    username: str | None = None
    password: str | None = None
    password_file: Path | None = None
    token_file: Path | None = None
    ca: Path | None = None
    timeout_s: float = 5.0


class SchemaRegistry:
    """A `SchemaSource`. One thread at a time may use it."""

    def __init__(self, settings: RegistrySettings) -> None:
        self._settings = settings
        self._schemas: OrderedDict[str, RegisteredSchema] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._failed: tuple[float, str] | None = None

    def __call__(self, id_: str) -> RegisteredSchema:
        """Return the schema of an id. Raises UnknownSchemaError and PartitionError; see the module."""
        if id_ not in self._schemas:
            self._schemas[id_] = self._fetched(id_)
            if len(self._schemas) > MOST:
                self._schemas.popitem(last=False)
        self._schemas.move_to_end(id_)
        return self._schemas[id_]

    def _fetched(self, id_: str) -> RegisteredSchema:
        if not id_.isdecimal():
            raise UnknownSchemaError(
                "it is not an id of a registry with Confluent's interface; name it in input.schemas"
            )
        if monotonic() < self._unknown.get(id_, 0.0):
            raise UnknownSchemaError("the registry has no such schema")
        if self._failed is not None and monotonic() < self._failed[0]:
            raise PartitionError(self._failed[1])
        try:
            schema = self._schema(f"schemas/ids/{id_}", DEEPEST)
        except UnknownSchemaError:
            self._unknown[id_] = monotonic() + ASK_AGAIN
            if len(self._unknown) > MOST:
                self._unknown.popitem(last=False)
            raise
        except PartitionError as error:
            self._failed = monotonic() + PAUSE, str(error)
            raise
        self._failed = None
        log.info("schema_fetched", id=id_, language=schema.language)
        return schema

    def _schema(self, path: str, depth: int) -> RegisteredSchema:
        """Return the schema at a path, and those that it refers to."""
        document = self._get(path)
        language = str(document.get("schemaType") or "AVRO")
        references: list[tuple[str, RegisteredSchema]] = []
        try:
            for one in document.get("references") or ():
                if not depth:
                    raise PartitionError(f"{self._named(path)} refers to schemas {DEEPEST} deep")
                at = f"subjects/{quote(str(one['subject']), safe='')}/versions/{int(one['version'])}"
                references.append((str(one["name"]), self._schema(at, depth - 1)))
            text = document["schema"]
            if language == "PROTOBUF":  # as a descriptor, which needs no compiler
                text = self._get(f"{path}?format=serialized")["schema"]
        except (KeyError, TypeError, ValueError) as error:
            raise PartitionError(f"{self._named(path)}: the answer is not a schema") from error
        return RegisteredSchema(language, str(text), tuple(references))

    def _get(self, path: str) -> dict[str, Any]:
        address = f"{self._settings.url.rstrip('/')}/{path}"
        try:
            request = urllib.request.Request(address, headers=self._headers())  # noqa: S310  # the scheme is checked
            with self._opener().open(request, timeout=self._settings.timeout_s) as answer:
                body = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:  # not found
                raise UnknownSchemaError("the registry has no such schema") from error
            raise PartitionError(f"{self._named(path)}: HTTP {error.code} {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise PartitionError(f"{self._named(path)}: {reason}") from error
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise PartitionError(f"{self._named(path)}: the answer is not JSON of at most {LARGEST} bytes") from error
        if not isinstance(document, dict):
            raise PartitionError(f"{self._named(path)}: the answer is not a schema")
        return document

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if settings.token_file is not None:
            headers["Authorization"] = f"Bearer {read_line(settings.token_file).strip()}"
        elif settings.username is not None:
            password = settings.password or ""
            if settings.password_file is not None:
                password = read_line(settings.password_file).strip()
            login = base64.b64encode(f"{settings.username}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {login}"
        return headers

    def _opener(self) -> urllib.request.OpenerDirector:
        """Return what opens addresses. The certificate's file is read each time, so that it can change."""
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if self._settings.ca is not None:
            check_small(self._settings.ca)
            context = ssl.create_default_context(cafile=str(self._settings.ca))
            handlers.append(urllib.request.HTTPSHandler(context=context))
        return urllib.request.build_opener(*handlers)

    def _named(self, path: str) -> str:
        return f"reading {path} of the schema registry {self._settings.url}"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Makes a redirect an error."""

    def redirect_request(self, *_arguments: Any, **_options: Any) -> None:
        """Follow nothing."""
