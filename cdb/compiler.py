"""Documents to the array as frozen values, or to the list of every mistake in them."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from cdb.definitions import AssetDef, Body, Definitions, TemplateDef, read_documents
from cdb.expansion import MAX_POINTS, Expander, Slots
from cdb.families import is_name, name_remedy
from cdb.reading import Field, Log, Place, shown, value_of
from cdb.sources import Deployed, check_templates, deploy
from kernel.array import ArchiveClass, ArrayConfig, Asset, Point, Site, Source
from kernel.errors import ConfigProblems, Problem

_EMPTY_BODY = Body([], {})
_NO_SITE = AssetDef("site", Place("", 0), {}, {}, {}, _EMPTY_BODY, [])
_MINUTE, _DAY = 60.0, 86400.0
_LOWEST, _HIGHEST = -500.0, 9000.0
"""Metres above sea level between which there is land."""


def compile(documents: Mapping[str, str], revision: int = 0, unread: Sequence[Problem] = ()) -> ArrayConfig:
    """The configuration that some documents (path to YAML text) define. Raises ConfigProblems with every mistake at once, each with file,
    line, and what to write instead. `unread`: documents whose text could not be had at all; they are mistakes too, and names that nothing
    else defines may well stand in them."""
    log = Log()
    for problem in unread:
        log.put(problem)
        log.blind = True
    with _garbage_waits():
        definitions = read_documents(documents, log)
        config = _Compiler(definitions, log).config(revision)
    if problems := log.all():
        raise ConfigProblems(problems)
    return config


@contextmanager
def _garbage_waits() -> Iterator[None]:
    """Compiling makes many objects and no cycles: the collector would search all of them several times and find nothing, for more than
    half of the time it takes."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Compiler:
    def __init__(self, definitions: Definitions, log: Log) -> None:
        self._definitions = definitions
        self._log = log
        self._expander = Expander(definitions, log)
        self._templates: dict[str, tuple[Slots, dict[str, str]]] = {
            name: self._expander.assemblies(t.body.assemblies, {}) for name, t in definitions.templates.items()
        }
        self._points: dict[str, Point] = {}
        self._sources: dict[str, Source] = {}
        self._assets: dict[str, Asset] = {}

    def config(self, revision: int) -> ArrayConfig:
        definitions, log = self._definitions, self._log
        check_templates(definitions.templates, self._expander, log)
        site = definitions.site or _NO_SITE
        root = value_of(site.given, "name", "site")
        self._check_tree(root)
        self._asset(root, site, parent="")
        for name, asset in definitions.assets.items():
            self._asset(name, asset, parent=value_of(asset.given, "parent", root))
        numbers = (value_of(site.given, k, 0.0) for k in ("latitude", "longitude", "height", "sky_shift"))
        place = Site(root, value_of(site.given, "title", root), *numbers)
        self._check_position(site)
        return ArrayConfig(revision, place, self._assets, self._sources, self._points, _classes(definitions.classes, log))

    def _asset(self, name: str, asset: AssetDef, parent: str) -> None:
        if not is_name(name) or "." in name:
            place = asset.given["name"].place if "name" in asset.given else asset.place
            self._log.add(place, f"{name} is not a name of an asset", name_remedy(name.replace(".", "_")))
            return
        template_name = value_of(asset.given, "template", "")
        template = self._template(asset)
        slots, titles = self._templates.get(template_name, ({}, {}))
        if asset.body.assemblies:
            slots, more = self._expander.assemblies(asset.body.assemblies, slots)
            titles = titles | more
        if asset.override:
            slots = self._expander.overrides(asset.override, slots)
        title = value_of(asset.given, "title", name)
        position = value_of(asset.given, "position")
        self._assets[name] = Asset(name, title, template_name, parent, position, asset.properties)
        for assembly, assembly_title in titles.items():
            full = f"{name}.{assembly}"
            self._assets[full] = Asset(full, assembly_title, "", name)
        deployed = deploy(name, title, asset, template, self._expander, self._log)
        self._sources |= {s.name: s for s in deployed.sources}
        self._put_points(name, asset, slots, deployed)

    def _template(self, asset: AssetDef) -> TemplateDef | None:
        field = asset.given.get("template")
        if field is None:
            return None
        template = self._definitions.templates.get(field.value)
        if template is None:
            self._log.unknown(field.place, f"unknown template {field.value}", field.value, self._definitions.templates)
        return template

    def _put_points(self, asset: str, definition: AssetDef, slots: Slots, deployed: Deployed) -> None:
        """The loop that runs once per point of the array."""
        points, prefix = self._points, asset + "."
        if len(points) + len(slots) > MAX_POINTS:
            self._log.add(definition.place, f"{asset}: more than {MAX_POINTS} points altogether", "check the ranges in braces")
            return
        for group in deployed.browsed.keys() & slots.keys():
            place = deployed.browsed[group]
            self._log.add(place, f"browse: {group} is defined twice", f"the first stands in {slots[group].place}: rename or remove one")
        default = deployed.default
        for group, slot in slots.items():
            name = prefix + group
            if slot.derived:
                points[name] = Point(name, slot.type, asset)
            elif slot.node is None and slot.definition.source is None and default is not None and default.simple:
                points[name] = Point(name, slot.type, asset, default.source, f"{default.before}{name}{default.after}")
            else:
                source, address = deployed.address(group, slot, definition, self._log)
                points[name] = Point(name, slot.type, asset, source, address)

    def _check_tree(self, root: str) -> None:
        """Every parent exists, and nothing is its own ancestor."""
        assets = self._definitions.assets
        if root in assets:
            self._log.add(assets[root].place, f"asset {root} has the name of the site", "rename it, or the site with `name:`")
        done: set[str] = {root}
        for name in assets:
            path: list[str] = []
            while name not in done:
                if name in path:
                    self._report_cycle(path[path.index(name) :])
                    break
                path.append(name)
                parent: Field | None = assets[name].given.get("parent")
                if parent is None:
                    break
                if parent.value != root and parent.value not in assets:
                    self._log.unknown(parent.place, f"unknown parent {parent.value}", parent.value, [root, *assets])
                    break
                name = parent.value
            done.update(path)

    def _report_cycle(self, members: list[str]) -> None:
        way = " -> ".join([*members, members[0]])
        place = self._definitions.assets[members[0]].given["parent"].place
        self._log.add(place, f"an asset is its own ancestor: {way}", "give one of them another parent")

    def _check_position(self, site: AssetDef) -> None:
        for key, bound in (("latitude", 90.0), ("longitude", 180.0)):
            if key in site.given and abs(site.given[key].value) > bound:
                self._log.add(site.given[key].place, f"{key} is beyond {bound:g}°", f"write degrees from -{bound:g} to {bound:g}")
        if "height" in site.given and not _LOWEST <= site.given["height"].value <= _HIGHEST:
            text = f"height is {site.given['height'].value:g} m"
            self._log.add(site.given["height"].place, text, f"write metres above sea level, from {_LOWEST:g} to {_HIGHEST:g}")


def _classes(given: Mapping[str, Field], log: Log) -> dict[str, ArchiveClass]:
    found = {"standard": ArchiveClass("standard")}
    for name, field in given.items():
        if not is_name(name) or "." in name:
            log.add(field.place, f"{name} is not a name of a class", name_remedy(name.replace(".", "_")))
        keys = field.value
        chunk, retention = value_of(keys, "chunk", 3600.0), value_of(keys, "retention")
        if not _MINUTE <= chunk <= _DAY:
            log.add(keys["chunk"].place, f"class {name}: a chunk of {shown(chunk)}", "write a duration from 1m to 1d")
        if retention is not None and retention < chunk:
            log.add(keys["retention"].place, f"class {name}: the retention is shorter than a chunk", "keep at least one chunk")
        found[name] = ArchiveClass(name, chunk, retention)
    return found
