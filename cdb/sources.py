"""The data sources of an asset, with its parameters put in, and the address each of its points has there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdb.definitions import AssetDef, BrowseDef, SourceDef, TemplateDef
from cdb.expansion import Expander, Slot
from cdb.families import BadPattern, expand, fill, is_name, name_remedy, parameters_in
from cdb.protocols import PROTOCOLS, Protocol, option_text
from cdb.reading import Field, Log, Place, merge, suggest, value_of
from cdb.urls import Fault
from kernel.array import Browse, Source

_BUILT_IN = ("asset", "title")
_POINT = ("point", "name")
_OWN_KEYS = ("protocol", "url", "nodes", "enabled")


@dataclass(frozen=True, slots=True)
class Addressing:
    """How a source's points are addressed: `ns=2;s={point}` cut where the point's name goes."""

    source: str
    protocol: Protocol
    pattern: str | None
    simple: bool = False
    """The address is before + full name + after."""
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Deployed:
    """The sources of one asset."""

    name: str
    values: Mapping[str, str]
    sources: list[Source] = field(default_factory=list)
    addressing: dict[str, Addressing] = field(default_factory=dict)
    """By name within the asset."""
    default: Addressing | None = None
    """The only one, if there is only one."""
    browsed: dict[str, Place] = field(default_factory=dict)
    """Points, by name within the asset, that browsing is to find under exactly this name."""
    given: bool = False
    """Sources were written, be it wrongly: then only what is wrong with them is worth a report."""

    def address(self, group: str, slot: Slot, asset: AssetDef, log: Log) -> tuple[str, str]:
        """Source and address of a point. Reports a point that has none."""
        found = self._source(group, slot, asset, log)
        if found is None:
            return "", ""
        pattern = slot.node if slot.node is not None else found.pattern
        place = slot.definition.node.place if slot.node is not None and slot.definition.node else slot.place
        if pattern is None:
            remedy = f"give the point `node: {found.protocol.address_example}`, or the source {found.source} `nodes: ns=2;s={{point}}`"
            log.add(place, f"{group} has no address", remedy)
            return found.source, ""
        address = fill(pattern, {**self.values, "point": f"{self.name}.{group}", "name": group})
        if slot.node is not None:
            _check_parameters(slot.node, (*self.values, *_POINT), "node", place, log)
            _check_address(address, found.protocol, place, log)
        return found.source, address

    def _source(self, group: str, slot: Slot, asset: AssetDef, log: Log) -> Addressing | None:
        wanted = slot.definition.source
        if wanted is not None:
            if wanted.value not in self.addressing:
                log.unknown(wanted.place, f"{group}: unknown source {wanted.value}", wanted.value, self.addressing)
            return self.addressing.get(wanted.value)
        if self.default is None and self.addressing:
            log.add(slot.place, f"{group}: {self.name} has several sources", f"add `source:`, one of {', '.join(sorted(self.addressing))}")
        elif self.default is None and not self.given:
            log.add(asset.place, f"{self.name} has points but no source", "give it, or its template, `sources:`")
        return self.default


def deploy(name: str, title: str, asset: AssetDef, template: TemplateDef | None, expander: Expander, log: Log) -> Deployed:
    """The sources of an asset: those of its template, with what the asset itself gives on top."""
    values = {"asset": name, "title": title, **_parameters(name, asset, template, log)}
    deployed = Deployed(name, values)
    inherited = template.body.sources if template else {}
    for short in dict.fromkeys((*inherited, *asset.body.sources)):
        own, base = asset.body.sources.get(short), inherited.get(short)
        definition = own if base is None else base if own is None else _over(base, own)
        assert definition is not None
        deployed.given = True
        _deploy_source(short, definition, own is not None or template is None, asset, deployed, expander, log)
    if len(deployed.addressing) == 1:
        (deployed.default,) = deployed.addressing.values()
    return deployed


def check_templates(templates: Mapping[str, TemplateDef], expander: Expander, log: Log) -> None:
    """What is wrong in a template's sources whoever deploys it, so that it is reported also if nobody does."""
    for name, template in templates.items():
        known = (*template.parameters, *_BUILT_IN)
        for parameter in template.parameters:
            if parameter in (*_BUILT_IN, *_POINT):
                log.add(template.place, f"template {name}: parameter {parameter} has a name with a meaning", "choose another name")
        for short, source in template.body.sources.items():
            _check_source(short, source, known, log)


def _over(base: SourceDef, own: SourceDef) -> SourceDef:
    return SourceDef(own.place, merge(base.given, own.given), base.browse + own.browse)


def _parameters(name: str, asset: AssetDef, template: TemplateDef | None, log: Log) -> dict[str, str]:
    known = template.parameters if template else {}
    values = {k: v for k, v in known.items() if v is not None}
    for key, given in asset.parameters.items():
        if template is not None and key not in known:
            log.unknown(given.place, f"{name}: unknown parameter {key}", key, known)
        elif given.value is not None:
            values[key] = given.value
    for key in known:
        if key not in values:
            log.add(asset.place, f"{name}: parameter {key} has no value", f"write parameters: {{{key}: ...}}")
            values[key] = f"{{{key}}}"
    return values


def _deploy_source(
    short: str, definition: SourceDef, check: bool, asset: AssetDef, deployed: Deployed, expander: Expander, log: Log
) -> None:
    given, values = definition.given, deployed.values
    if check:
        _check_source(short, definition, values, log)
    protocol = PROTOCOLS.get(value_of(given, "protocol", ""))
    if protocol is None:
        return
    full = f"{deployed.name}.{short}"
    options = {k: fill(option_text(f.value), values) for k, f in given.items() if k not in _OWN_KEYS and f.value is not None}
    url = fill(value_of(given, "url", ""), values)
    if "url" in given and _without_values(given["url"].value, protocol) is None and not parameters_in(url):
        _check_url(f"source {full}", given["url"], values, asset, protocol, log)
    browse = tuple(_browse(b, deployed, expander, log) for b in definition.browse)
    enabled = value_of(given, "enabled", True)
    deployed.sources.append(Source(full, given["protocol"].value, url, deployed.name, options, browse, enabled))
    pattern = value_of(given, "nodes")
    if pattern is not None:
        pattern = fill(pattern, values)
        _check_address(pattern, protocol, given["nodes"].place, log)
    deployed.addressing[short] = _addressing(full, protocol, pattern)


def _browse(b: BrowseDef, deployed: Deployed, expander: Expander, log: Log) -> Browse:
    point = fill(b.point, deployed.values)
    if "{" not in point:
        if point in deployed.browsed:
            log.add(b.place, f"browse: {point} is defined twice", f"the first stands in {deployed.browsed[point]}: rename or remove one")
        deployed.browsed[point] = b.place
    return Browse(fill(b.path, deployed.values), f"{deployed.name}.{point}", expander.type_for(b.point, b.given), "kind" not in b.given)


def _addressing(source: str, protocol: Protocol, pattern: str | None) -> Addressing:
    if pattern is None or pattern.count("{point}") != 1 or "{name}" in pattern:
        return Addressing(source, protocol, pattern)
    before, after = pattern.split("{point}")
    return Addressing(source, protocol, pattern, True, before, after)


def _check_source(short: str, source: SourceDef, known: Mapping[str, str] | tuple[str, ...], log: Log) -> None:
    """What can be said of a source without its parameters' values."""
    given, what = source.given, f"source {short}"
    if not is_name(short) or "." in short:
        log.add(source.place, f"{short} is not a name of a source", name_remedy(short.replace(".", "_")))
    for key in ("protocol", "url"):
        if key not in given:
            log.add(source.place, f"{what} has no {key}", f"write e.g. protocol: opcua and url: {PROTOCOLS['opcua'].url_example}")
    for key, f in given.items():
        if isinstance(f.value, str):
            _check_parameters(f.value, (*known, *_POINT) if key == "nodes" else tuple(known), f"{what}: {key}", f.place, log)
    if "protocol" not in given:
        return
    protocol = PROTOCOLS.get(given["protocol"].value)
    if protocol is None:
        log.add(given["protocol"].place, f"{what}: unknown protocol {given['protocol'].value}", suggest(given["protocol"].value, PROTOCOLS))
        return
    _check_options(what, source, protocol, log)
    if "nodes" in given:
        _check_nodes(what, given["nodes"], protocol, log)
    for b in source.browse:
        _check_browse(b, tuple(known), log)


def _check_options(what: str, source: SourceDef, protocol: Protocol, log: Log) -> None:
    options: dict[str, str] = {}
    for key, f in source.given.items():
        if key in _OWN_KEYS:
            continue
        if key in protocol.options:
            options[key] = option_text(f.value)
        else:
            log.add(f.place, f"{what}: {key} is not an option of this protocol", suggest(key, protocol.options))
    protocol.check(options, source.place, log)
    url = source.given.get("url")
    if url is not None and (fault := _without_values(url.value, protocol)):
        log.add(url.place, f"{what}: the url {url.value} {fault[0]}", fault[1])


def _without_values(url: str, protocol: Protocol) -> Fault | None:
    """What is wrong with a URL whatever the values of its parameters: host, port, both, or all of it may come from them."""
    names = parameters_in(url)
    if not names:
        return protocol.url(url)
    head, colon, tail = url.rpartition(":")
    tried = [fill(head, dict.fromkeys(names, "h")) + colon + fill(tail, dict.fromkeys(names, "1"))]
    tried += [fill(url, dict.fromkeys(names, value)) for value in ("h:1", protocol.url_example)]
    faults = [protocol.url(t) for t in tried]
    return faults[0] if all(faults) else None


def _check_url(what: str, url: Field, values: Mapping[str, str], asset: AssetDef, protocol: Protocol, log: Log) -> None:
    """Reports what is wrong with the values of a URL's parameters, where the asset gives the one that is."""
    filled = fill(url.value, values)
    fault = protocol.url(filled)
    if fault is None:
        return
    place = url.place
    for name in asset.parameters.keys() & set(parameters_in(url.value)):
        others = fill(url.value, {k: v for k, v in values.items() if k != name})
        if _without_values(others, protocol) is None:
            place = asset.parameters[name].place
    log.add(place, f"{what}: the url {filled} {fault[0]}", fault[1])


def _check_nodes(what: str, nodes: Field, protocol: Protocol, log: Log) -> None:
    pattern = nodes.value
    if "{point}" not in pattern and "{name}" not in pattern:
        log.add(nodes.place, f"{what}: nodes gives every point the same address", "put {point} (or {name}, without the asset) into it")
    _check_address(fill(pattern, {p: "1" for p in parameters_in(pattern) if p not in _POINT}), protocol, nodes.place, log)


def _check_address(address: str, protocol: Protocol, place: Place, log: Log) -> None:
    if not protocol.address(address):
        log.add(place, f"{address} is not an address", f"write e.g. {protocol.address_example}")


def _check_parameters(text: str, known: tuple[str, ...], what: str, place: Place, log: Log) -> None:
    for parameter in parameters_in(text):
        if parameter not in known:
            log.add(place, f"{what}: unknown parameter {{{parameter}}}", suggest(parameter, known))


def _check_browse(b: BrowseDef, known: tuple[str, ...], log: Log) -> None:
    if fault := _fault_of_path(b.path):
        log.add(b.place, f"browse: the path {b.path} {fault}", "write browse names from Objects on, e.g. Objects/PLC/*/Temperature")
    stars = b.path.count("*")
    numbers = {n for n in range(1, 100) if f"{{{n}}}" in b.point}
    if numbers and max(numbers) > stars:
        log.add(b.place, f"browse: {{{max(numbers)}}} in point, but path has {stars} *", "each * of the path fills one number, in order")
    elif len(numbers) < stars:
        missing = next(n for n in range(1, stars + 1) if n not in numbers)
        log.add(b.place, f"browse: several nodes would become one point {b.point}", f"put {{{missing}}} into point")
    try:
        expand("x." + _plain(b.point))
    except BadPattern as bad:
        log.add(b.place, f"browse: {bad.text}", bad.remedy)
    else:
        if "." not in b.point:
            log.add(b.place, f"browse: the point {b.point} belongs to no assembly", f"write assembly.quantity, e.g. plc.{b.point}")
    for text in (b.path, b.point):
        _check_parameters(text, known, "browse", b.place, log)


def _fault_of_path(path: str) -> str | None:
    """Why no browse path of a server can be this one."""
    names = path.split("/")
    if names[0] == "Objects":
        names = names[1:]
    if not any(names):
        return "names nothing below Objects"
    if names[0] == "Root":
        return "begins above Objects"
    if not all(names):
        return "has an empty name in it"
    if any(n != n.strip() for n in names):
        return "has a blank at the end of a name"
    return "has ** in it, which matches no further than *" if "**" in path else None


def _plain(point: str) -> str:
    for n in range(1, 100):
        point = point.replace(f"{{{n}}}", "x")
    return fill(point, dict.fromkeys(parameters_in(point), "x"))
