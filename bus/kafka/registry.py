"""A schema registry with the interface that Confluent's has (Karapace, Apicurio under /apis/ccompat/v7): where it is, and the few
questions we ask. Every call blocks for a moment, opens its own connection and may be made from any thread; they are rare.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from kernel.errors import BadUsage, NotAvailable
from schemas.registry import Schema

log = logging.getLogger(__name__)
FORM: Final = "http(s)://[USER:PASSWORD@]HOST:PORT[,HOST:PORT…][/PATH][?ca=FILE&cert=FILE&key=FILE&password_file=FILE]"
OPTIONS: Final = ("ca", "cert", "key", "password_file")
ASK: Final = 5.0
"""Seconds an instance may take to answer."""
LEVEL: Final = "BACKWARD"
"""What is demanded of a subject's next schema where the site demands nothing: who has it reads what was written with the one before.
The level that Confluent's registry begins with, and that other clients expect."""
_SUBJECT_UNKNOWN = 40401
_TYPE = "application/vnd.schemaregistry.v1+json"


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """Where a registry is, and as people may see it."""

    hosts: tuple[str, ...]
    """HOST:PORT of instances that serve the same schemas."""
    path: str
    shown: str
    """The URL without secrets."""
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = None


def registry_place(url: str) -> RegistryPlace:
    """Reads a URL (FORM). Raises BadUsage."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise BadUsage(f"registry URL: unknown option {unknown[0]!r}; known are: {', '.join(OPTIONS)}")
    credentials, _, hosts = parts.netloc.rpartition("@")
    if parts.scheme not in ("http", "https") or not hosts or not all(h.rpartition(":")[2].isdigit() for h in hosts.split(",")):
        raise BadUsage(f"registry URL names no host and port: write {FORM}")
    headers = {"Accept": f"{_TYPE}, application/json", "Content-Type": _TYPE}
    if credentials:
        user, _, password = credentials.partition(":")
        secret = _read(options["password_file"]) if "password_file" in options else unquote(password)
        headers["Authorization"] = "Basic " + base64.b64encode(f"{unquote(user)}:{secret}".encode()).decode()
    path = parts.path.rstrip("/")
    return RegistryPlace(tuple(hosts.split(",")), path, f"{parts.scheme}://{hosts}{path}", headers, _tls(parts.scheme, options))


def _tls(scheme: str, options: Mapping[str, str]) -> ssl.SSLContext | None:
    files = {name: options[name] for name in ("ca", "cert", "key") if name in options}
    if scheme == "http":
        if files:
            raise BadUsage(f"registry URL: {next(iter(files))} needs https://")
        return None
    try:
        context = ssl.create_default_context(cafile=files.get("ca"))
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"))
    except OSError as error:
        raise BadUsage(f"registry URL: {', '.join(files.values())} cannot be used: {error}") from error
    return context


def _read(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise BadUsage(f"registry URL: password_file {file} cannot be read: {error.strerror}") from error


class SchemaRegistry:
    """See this module."""

    def __init__(self, place: RegistryPlace) -> None:
        self._place = place

    @property
    def shown(self) -> str:
        """Its URL without secrets."""
        return self._place.shown

    def check(self) -> None:
        """Returns if a registry answers that holds Avro schemas. Raises NotAvailable."""
        status, answer = self._ask("GET", "/schemas/types")
        if status != http.client.OK or "AVRO" not in answer:
            raise self._trouble(
                f"what answers is no registry for Avro schemas ({status})", "check the path in registry_url: Apicurio's is /apis/ccompat/v7"
            )

    def register(self, subject: str, schema: Schema) -> int:
        """The number of this schema under the subject, which gets it as its newest version where it lacks it. Raises NotAvailable, with
        the registry's reason and the remedy where it refuses."""
        path, body = f"/subjects/{quote(subject, safe='')}", {"schema": json.dumps(schema)}
        status, answer = self._ask("POST", path, body)
        if status == http.client.OK:
            return int(answer["id"])
        begins = answer.get("error_code") == _SUBJECT_UNKNOWN
        status, answer = self._ask("POST", f"{path}/versions", body)
        if status == http.client.CONFLICT:
            again, found = self._ask("POST", path, body)
            if again == http.client.OK:  # another process registered it at the same moment
                return int(found["id"])
        if status != http.client.OK:
            raise self._refused(subject, schema["name"], status, str(answer.get("message", answer)))
        if begins:
            self._protect(subject)
        return int(answer["id"])

    def schema(self, number: int) -> Any:
        """The Avro schema of that number, as JSON has it. Raises ValueError where there is none, NotAvailable."""
        status, answer = self._ask("GET", f"/schemas/ids/{number}")
        if status == http.client.NOT_FOUND:
            raise ValueError(f"{self.shown} has none of that number")
        if status != http.client.OK:
            raise self._trouble(f"schema {number} is not given out ({status}): {answer.get('message', '')}", "its log says more")
        if answer.get("schemaType", "AVRO") != "AVRO" or answer.get("references"):
            raise ValueError(f"it is no Avro schema of one piece but {answer.get('schemaType', 'refers to others')}")
        return json.loads(answer["schema"])

    def _protect(self, subject: str) -> None:
        """A subject that we began, and for which the site demands nothing, refuses schemas that would make its old records unreadable."""
        path = f"/config/{quote(subject, safe='')}"
        try:
            _, answer = self._ask("GET", f"{path}?defaultToGlobal=true")
            if answer.get("compatibilityLevel", "NONE") == "NONE":
                self._ask("PUT", path, {"compatibility": LEVEL})
        except NotAvailable as error:
            log.info("the compatibility of subject %s was left as it is: %s", subject, error)

    def _refused(self, subject: str, name: str, status: int, reason: str) -> NotAvailable:
        if status == http.client.CONFLICT:
            remedy = f"another schema is there: delete the subject {subject}, relax its compatibility, or set ?prefix= in bus_url"
        else:
            remedy = f"let this user register schemas, or register {name}.avsc under that subject beforehand"
        return self._trouble(f"schema {name} is refused for subject {subject} ({status}): {reason}", remedy)

    def _ask(self, method: str, path: str, body: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The status and the JSON answered by the first instance that answers. Raises NotAvailable where none does, or where they fail
        or know us not."""
        failed = ""
        for host in self._place.hosts:
            try:
                status, data = self._exchange(host, method, self._place.path + path, None if body is None else json.dumps(body))
            except ssl.SSLError as error:
                raise self._trouble(
                    f"no secure connection: {error}", "check ca= in registry_url (who signed its certificate), or write http://"
                ) from error
            except (OSError, http.client.HTTPException) as error:
                failed = f"no answer: {error or type(error).__name__}"
                continue
            if status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN):
                raise self._trouble(
                    f"{method} {path} is not allowed ({status})", "check user and password in registry_url, and their rights"
                )
            if status >= http.client.INTERNAL_SERVER_ERROR:
                failed = f"it fails ({status})"
                continue
            try:
                return status, json.loads(data or b"{}")
            except ValueError:
                return status, {"message": data[:200].decode(errors="replace")}
        raise self._trouble(failed, "check that it runs and is reached at this address")

    def _exchange(self, host: str, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        if self._place.tls is None:
            connection = http.client.HTTPConnection(host, timeout=ASK)
        else:
            connection = http.client.HTTPSConnection(host, timeout=ASK, context=self._place.tls)
        try:
            connection.request(method, path, body, dict(self._place.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _trouble(self, what: str, remedy: str) -> NotAvailable:
        return NotAvailable(f"schema registry {self.shown}: {what}; {remedy}")
