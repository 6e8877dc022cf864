"""What the documents define, as written: read from YAML, every key checked, nothing expanded yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from cdb.paths import also_folders, why_bad
from cdb.protocols import SOURCE_OPTIONS
from cdb.reading import (
    Context,
    Field,
    Given,
    Keys,
    Log,
    Place,
    Refused,
    Reported,
    Wrong,
    between,
    boolean,
    choice,
    coordinates,
    duration,
    entries,
    fields,
    forever,
    keys_in,
    line_of,
    list_of,
    mapping_of,
    number,
    or_none,
    pair,
    positive,
    suggest,
    text,
    whole,
)
from cdb.yaml_tree import Mapping as YamlMapping
from cdb.yaml_tree import Node, Scalar, Sequence, parse
from kernel.array import DeadbandKind, PointKind
from kernel.errors import Problem

STATISTICS = ("mean", "min", "max", "std", "count", "median")


@dataclass(frozen=True, slots=True)
class PointDef:
    """A point, or a family of points, with its keys."""

    pattern: str
    place: Place
    given: Given


@dataclass(frozen=True, slots=True)
class AssemblyDef:
    """Part of an asset: its points, and what they have in common."""

    pattern: str
    place: Place
    title: str
    defaults: Given
    points: list[PointDef]


@dataclass(frozen=True, slots=True)
class BrowseDef:
    """Points to be found by browsing."""

    place: Place
    path: str
    point: str
    given: Given


@dataclass(frozen=True, slots=True)
class SourceDef:
    """A data source of an asset."""

    place: Place
    given: Given
    browse: tuple[BrowseDef, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """What templates and assets both may have."""

    assemblies: list[AssemblyDef]
    sources: dict[str, SourceDef]


@dataclass(frozen=True, slots=True)
class TemplateDef:
    """A telescope type or another kind of asset; parameters without a default have None."""

    place: Place
    parameters: dict[str, str | None]
    body: Body


@dataclass(frozen=True, slots=True)
class AssetDef:
    """A node of the asset tree; the site is one too."""

    name: str
    place: Place
    given: Given
    parameters: dict[str, Field]
    properties: dict[str, str]
    body: Body
    override: list[PointDef]


@dataclass(slots=True)
class Definitions:
    """Everything that all documents define."""

    site: AssetDef | None = None
    assets: dict[str, AssetDef] = field(default_factory=dict)
    templates: dict[str, TemplateDef] = field(default_factory=dict)
    profiles: dict[str, Field] = field(default_factory=dict)
    classes: dict[str, Field] = field(default_factory=dict)


def read_documents(documents: Mapping[str, str], log: Log) -> Definitions:
    """Reads every document; the same name in two of them is a mistake."""
    found = Definitions()
    for path in sorted(documents):
        nodes, problems = parse(path, documents[path])
        for p in problems:
            log.put(p)
            log.blind = True
        if reason := why_bad(path):
            log.put(Problem(path, 0, f"this is no path of a document: {reason}", "write e.g. telescopes/astri.yaml"))
        ctx = Context(path, log)
        for node in nodes:
            for key, line, value in entries(node, ctx, "document"):
                read = _SECTIONS.get(key)
                if read is None:
                    log.add(Place(path, line), f"document: unknown key {key}", suggest(key, _SECTIONS))
                else:
                    read(value, Place(path, line), ctx, found)
    for path in also_folders(documents):
        log.put(Problem(path, 0, "is a document and a folder at once", "rename one"))
    return found


# Points.


def _deadband(node: Node, ctx: Context) -> tuple[float, DeadbandKind]:
    """0.5 in the point's unit, or `0.5 %` of its range."""
    kind = DeadbandKind.ABSOLUTE
    if isinstance(node, Scalar) and node.text.rstrip().endswith("%"):
        kind = DeadbandKind.PERCENT
        node = Scalar(node.line, node.text.rstrip()[:-1].rstrip(), node.plain)
    value = number(node, ctx)
    if value < 0 or (kind is DeadbandKind.PERCENT and value > 100):
        raise Wrong(f"must not be negative or beyond 100 %: {value:g}", "write e.g. 0.05, or 0.5 % of the range")
    return value, kind


def _labels(node: Node, ctx: Context) -> tuple[tuple[int, str], ...]:
    if not isinstance(node, YamlMapping):
        raise Wrong("is not a mapping", "write e.g. {0: OFF, 1: ON}")
    labels: dict[int, str] = {}
    for key, line, value in entries(node, ctx, "labels"):
        try:
            code, label = whole(Scalar(line, key, True), ctx), text(value, ctx)
        except Wrong as w:
            raise Wrong(f"{key}: {w.text}", "write e.g. {0: OFF, 1: ON}") from None
        if label in labels.values():
            raise Wrong(f"has {label} twice", "give each value its own label")
        labels[code] = label
    return tuple(sorted(labels.items()))


def _window(node: Node, ctx: Context) -> tuple[str, tuple[float, float]]:
    given = fields(node, {"inside": pair, "outside": pair}, ctx, "window") if isinstance(node, YamlMapping) else {}
    if len(keys_in(node) & {"inside", "outside"}) != 1:
        raise Wrong("needs one of inside and outside", "write e.g. {outside: [-5, 5]}")
    if not given:
        raise Reported
    ((mode, bounds),) = given.items()
    return mode, bounds.value


def _statistics(node: Node, ctx: Context) -> Given:
    if not isinstance(node, YamlMapping):
        raise Wrong("is not a mapping", "write e.g. {every: 1m, which: [mean, max]}")
    given = fields(node, {"every": duration, "which": list_of(choice(*STATISTICS))}, ctx, "statistics")
    # A key with a wrong value is not a missing key.
    return given | {k.text: Field(None, ctx.place(k)) for k, _ in node.pairs if isinstance(k, Scalar) and k.text not in given}


PROCESSING: Keys = {
    "max_silence": or_none(duration),
    "window": or_none(_window),
    "statistics": or_none(_statistics),
    "accept": list_of(choice("good", "uncertain", "bad")),
    "resolution": or_none(positive),
}
LIMITS: Keys = dict.fromkeys(("lolo", "lo", "hi", "hihi"), or_none(number))
_ARRAY = "one point is one number: write a point per element, see Families in docs/reference/configuration.md"
_MEANT = (
    dict.fromkeys(("float", "real", "number"), "write double")
    | dict.fromkeys(("int", "integer", "int64", "uint32"), "write long")
    | dict.fromkeys(("string", "str"), "write text")
    | dict.fromkeys(("boolean",), "write bool")
    | dict.fromkeys(("array", "list", "spectrum", "waveform", "image"), _ARRAY)
)
COMMON: Keys = {
    "kind": lambda node, ctx: PointKind(choice(*(k.value for k in PointKind), meant=_MEANT)(node, ctx)),
    "unit": line_of(40),
    "description": text,
    "labels": _labels,
    "limits": mapping_of(LIMITS, "limits", "{lo: 5, hi: 30}"),
    "sampling": between(0.001, 86_400.0),
    "deadband": or_none(_deadband),
    "range": or_none(pair),
    "processing": mapping_of(PROCESSING, "processing", "{max_silence: 1m}"),
    "class": text,
    "source": text,
    "enabled": boolean,
}
"""Keys of profiles, and of points together with the next."""
DEFAULTS: Keys = COMMON | {"profile": text}
POINT: Keys = DEFAULTS | {"node": text}


def _points(node: Node, ctx: Context, what: str) -> list[PointDef]:
    return [PointDef(name, Place(ctx.path, line), fields(value, POINT, ctx, name)) for name, line, value in entries(node, ctx, what)]


# Assets and what they consist of. The readers below fill a Body; a mapping's own table of keys then only has to know that they exist.


def _assemblies(node: Node, ctx: Context) -> list[AssemblyDef]:
    found = []
    for name, line, value in entries(node, ctx, "assemblies"):
        keys: Keys = {
            "title": text,
            "defaults": mapping_of(DEFAULTS, "defaults", "{unit: m, sampling: 5s}"),
            "points": lambda n, c, name=name: _points(n, c, f"points of {name}"),  # type: ignore[misc]
        }
        given = fields(value, keys, ctx, name)
        title, defaults, points = (given[k].value if k in given else None for k in keys)
        found.append(AssemblyDef(name, Place(ctx.path, line), title or name, defaults or {}, points or []))
    return found


def _browse(node: Node, ctx: Context) -> tuple[BrowseDef, ...]:
    found = []
    for item in node.items if isinstance(node, Sequence) else [node]:
        given = fields(item, DEFAULTS | {"path": text, "point": text}, ctx, "browse")
        place = ctx.place(item)
        if "path" in given and "point" in given:
            path, point = given.pop("path").value, given.pop("point").value
            found.append(BrowseDef(place, path, point, given))
        elif not {"path", "point"} <= keys_in(item):
            ctx.log.add(place, "browse needs path and point", "write e.g. {path: Objects/PLC/*/Temperature, point: 'plc.{1}.temperature'}")
    return tuple(found)


SOURCE: Keys = {"protocol": text, "url": text, "nodes": text, "browse": _browse, "enabled": boolean} | SOURCE_OPTIONS


def _sources(node: Node, ctx: Context) -> dict[str, SourceDef]:
    found = {}
    for name, line, value in entries(node, ctx, "sources"):
        given = fields(value, SOURCE, ctx, f"source {name}")
        browse = given.pop("browse", None)
        found[name] = SourceDef(Place(ctx.path, line), given, browse.value if browse else ())
    return found


def _texts(node: Node, ctx: Context) -> dict[str, str]:
    return {key: f.value for key, f in _text_fields(node, ctx, "properties").items() if f.value is not None}


def _parameters(node: Node, ctx: Context) -> dict[str, Field]:
    return _text_fields(node, ctx, "parameters")


def _text_fields(node: Node, ctx: Context, what: str) -> dict[str, Field]:
    found = {}
    for key, line, value in entries(node, ctx, what):
        if isinstance(value, Scalar):
            found[key] = Field(None if value.empty else value.text, Place(ctx.path, line))
        else:
            ctx.log.add(Place(ctx.path, line), f"{key} is not a text", "write a single value")
    return found


_BODY: Keys = {
    "assemblies": _assemblies,
    "sources": _sources,
    "points": Refused("stand within an assembly", "write assemblies: {NAME: {points: ...}}"),
    "source": Refused("stands within sources", "write sources: {NAME: {protocol: opcua, url: ...}}"),
}
_NO_BASE = Refused("cannot be given: a template builds upon no other", "put what they share into profiles, or use one with parameters")
_REFUSED_BASES: Keys = {"template": _NO_BASE, "extends": _NO_BASE}
TEMPLATE: Keys = {"title": text, "parameters": _parameters} | _REFUSED_BASES | _BODY
ASSET: Keys = {
    "title": text,
    "template": text,
    "parent": text,
    "position": coordinates,
    "properties": _texts,
    "parameters": _parameters,
    "override": lambda node, ctx: _points(node, ctx, "override"),
} | _BODY
SITE: Keys = {k: v for k, v in ASSET.items() if k not in ("parent", "position")} | {
    "name": text,
    "latitude": number,
    "longitude": number,
    "height": number,
    "sky_shift": number,
}
CLASS: Keys = {"chunk": duration, "retention": forever}


def _body(given: Given) -> Body:
    assemblies, sources = given.pop("assemblies", None), given.pop("sources", None)
    return Body(assemblies.value if assemblies else [], sources.value if sources else {})


def _asset(name: str, node: Node, place: Place, ctx: Context, keys: Keys) -> AssetDef:
    given = fields(node, keys, ctx, name)
    body = _body(given)
    parameters, properties, override = (given.pop(k, None) for k in ("parameters", "properties", "override"))
    return AssetDef(
        name,
        place,
        given,
        parameters.value if parameters else {},
        properties.value if properties else {},
        body,
        override.value if override else [],
    )


# Sections of a document.

T = TypeVar("T")


def _define(into: dict[str, T], name: str, what: str, place: Place, value: T, where: Callable[[T], Place], log: Log) -> None:
    if name in into:
        log.add(place, f"{what} {name} is defined twice", f"the first stands in {where(into[name])}: rename or remove one")
    else:
        into[name] = value


def _read_site(node: Node, place: Place, ctx: Context, into: Definitions) -> None:
    site = _asset("site", node, place, ctx, SITE)
    if into.site is None:
        into.site = site
    else:
        ctx.log.add(place, "the site is defined twice", f"the first stands in {into.site.place}: remove one")


def _read_assets(node: Node, place: Place, ctx: Context, into: Definitions) -> None:
    for name, line, value in entries(node, ctx, "assets"):
        asset = _asset(name, value, Place(ctx.path, line), ctx, ASSET)
        _define(into.assets, name, "asset", asset.place, asset, lambda a: a.place, ctx.log)


def _read_templates(node: Node, place: Place, ctx: Context, into: Definitions) -> None:
    for name, line, value in entries(node, ctx, "templates"):
        given = fields(value, TEMPLATE, ctx, f"template {name}")
        parameters = given["parameters"].value if "parameters" in given else {}
        template = TemplateDef(Place(ctx.path, line), {k: f.value for k, f in parameters.items()}, _body(given))
        _define(into.templates, name, "template", template.place, template, lambda t: t.place, ctx.log)


def _read_profiles(node: Node, place: Place, ctx: Context, into: Definitions) -> None:
    _read_fields(node, ctx, into.profiles, "profile", COMMON)


def _read_classes(node: Node, place: Place, ctx: Context, into: Definitions) -> None:
    _read_fields(node, ctx, into.classes, "class", CLASS)


def _read_fields(node: Node, ctx: Context, into: dict[str, Field], what: str, keys: Keys) -> None:
    for name, line, value in entries(node, ctx, what):
        given = Field(fields(value, keys, ctx, f"{what} {name}"), Place(ctx.path, line))
        _define(into, name, what, given.place, given, lambda f: f.place, ctx.log)


_SECTIONS: dict[str, Callable[[Node, Place, Context, Definitions], None]] = {
    "site": _read_site,
    "assets": _read_assets,
    "templates": _read_templates,
    "profiles": _read_profiles,
    "classes": _read_classes,
}
