"""The platform itself: pipeline, services, archive, assets, and its configuration."""

from __future__ import annotations

from typing import Any

from mla_client.errors import NotFound
from mla_client.model import (
    ArchiveStatus,
    Asset,
    Change,
    Document,
    InForce,
    Me,
    Node,
    Pipeline,
    Revision,
    ServiceStatus,
    Site,
    Source,
)
from mla_client.protocol import Step, ask
from mla_client.read_points import pages
from mla_client.shapes import decode, selection

_REVISIONS = f"""query($first: Int!, $after: String) {{ cdbRevisions(first: $first, after: $after) {{
    nodes {{ {selection(Revision)} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
_SERVICES = f"query($name: String) {{ services(name: $name) {{ {selection(ServiceStatus)} }} }}"
_SYSTEMS = f"query($name: String) {{ systems(name: $name) {{ {selection(ServiceStatus)} }} }}"
_SOURCES = f"query($name: String) {{ sources(name: $name) {{ {selection(Source)} }} }}"
_ASSETS = f"query($type: String, $parent: String) {{ assets(type: $type, parent: $parent) {{ {selection(Asset)} }} }}"
_NODE = f"query($path: String!, $revision: Int) {{ cdb(path: $path, revision: $revision) {{ {selection(Node)} }} }}"
_DOCUMENTS = f"query($revision: Int) {{ cdbDocuments(revision: $revision) {{ {selection(Document)} }} }}"
_DIFF = f"query($a: Int!, $b: Int!) {{ cdbDiff(a: $a, b: $b) {{ {selection(Change)} }} }}"
_PIPELINE = f"{{ pipeline {{ {selection(Pipeline)} }} }}"
_ARCHIVE = f"{{ archive {{ {selection(ArchiveStatus)} }} }}"
_SITE = f"{{ site {{ {selection(Site)} }} }}"
_ME = f"{{ me {{ {selection(Me)} }} }}"
_IN_FORCE = f"{{ revision {{ {selection(InForce)} }} }}"


def graphql(query: str, **variables: Any) -> Step[dict[str, Any]]:
    """The data of any GraphQL document, as the server sends it. For what has no method of its own."""
    return (yield from ask(query, **variables))


def pipeline() -> Step[Pipeline]:
    """Every hop: what went in, what came out, what became of the rest and why, rates, age, lag."""
    return decode(Pipeline, (yield from ask(_PIPELINE))["pipeline"])


def services(name: str | None = None) -> Step[list[ServiceStatus]]:
    """Every service heard of in the last ten minutes, or the named one."""
    return [decode(ServiceStatus, s) for s in (yield from ask(_SERVICES, name=name))["services"]]


def systems(name: str | None = None) -> Step[list[ServiceStatus]]:
    """monitoring, logging, alarms, platform: the worst state of their services."""
    return [decode(ServiceStatus, s) for s in (yield from ask(_SYSTEMS, name=name))["systems"]]


def sources(name: str | None = None) -> Step[list[Source]]:
    """The data sources and their connections."""
    return [decode(Source, s) for s in (yield from ask(_SOURCES, name=name))["sources"]]


def assets(type: str | None = None, parent: str | None = None) -> Step[list[Asset]]:
    """The asset tree, parents first."""
    return [decode(Asset, a) for a in (yield from ask(_ASSETS, type=type, parent=parent))["assets"]]


def site() -> Step[Site]:
    """Where the array stands."""
    return decode(Site, (yield from ask(_SITE))["site"])


def archive() -> Step[ArchiveStatus]:
    """Size and health of the archive."""
    return decode(ArchiveStatus, (yield from ask(_ARCHIVE))["archive"])


def me() -> Step[Me]:
    """Who is asking, and what one request may cost."""
    return decode(Me, (yield from ask(_ME))["me"])


def in_force() -> Step[InForce]:
    """The configuration the services work with now."""
    return decode(InForce, (yield from ask(_IN_FORCE))["revision"])


def revisions(at_most: int | None = None) -> Step[list[Revision]]:
    """The history of the configuration, newest first."""
    return [decode(Revision, r) for r in (yield from pages(_REVISIONS, "cdbRevisions", at_most))]


def documents(revision: int | None = None) -> Step[list[Document]]:
    """Every document of a revision, by default the newest."""
    return [decode(Document, d) for d in (yield from ask(_DOCUMENTS, revision=revision))["cdbDocuments"]]


def configuration(path: str = "", revision: int | None = None) -> Step[Node]:
    """A document or a folder of the configuration, by default the root of the newest revision. Raises NotFound."""
    found = (yield from ask(_NODE, path=path, revision=revision))["cdb"]
    if found is None:
        raise NotFound(f"nothing is at {path} in {'the newest revision' if revision is None else f'revision {revision}'}", "NOT_FOUND")
    return decode(Node, found)


def document(path: str, revision: int | None = None) -> Step[str]:
    """The text of a document, exactly as written. Raises NotFound."""
    node = yield from configuration(path, revision)
    if node.text is None:
        inside = ", ".join(c.path for c in node.children[:5])
        raise NotFound(f"{path or 'the root'} is a folder: it has {inside}{' …' if len(node.children) > 5 else ''}", "NOT_FOUND")
    return node.text


def diff(a: int, b: int) -> Step[list[Change]]:
    """The documents that differ between two revisions; revision 0 is the empty configuration."""
    return [decode(Change, c) for c in (yield from ask(_DIFF, a=a, b=b))["cdbDiff"]]
