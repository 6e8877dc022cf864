"""Every mistake a configuration can have: where it is reported, and what to write instead. `#!` marks the line that must be named."""

from __future__ import annotations

import gc

import pytest

import cdb
from kernel.errors import ConfigProblems, Problem
from tests.support.mistakes import GOOD, check, point, problems


def test_the_good_part_is_good() -> None:
    assert list(cdb.compile({"good.yaml": GOOD}).points) == ["ast1.mount.azimuth"]


@pytest.mark.parametrize(
    ("keys", "what", "remedy"),
    [
        ("sampling: 10", "sampling is not a duration: 10", "did you mean 10s?"),
        ("sampling: 0s", "sampling must be longer than 0", "10s"),
        ("sampling: -1s", "sampling must be longer than 0: -1s", "10s"),
        ("sampling: 0", "sampling must be longer than 0: 0", "10s"),
        ("sampling: 10sec", "sampling is not a duration: 10sec", "did you mean 10s?"),
        ("sampling: 1S", "sampling is not a duration: 1S", "did you mean 1s?"),
        ("sampling: 1h30m", "sampling is not a duration: 1h30m", "one number with its unit"),
        ("sampling: 0.0001ms", "sampling is too short", "1ms to 1d"),
        ("sampling: 30d", "sampling is too long", "1ms to 1d"),
        ("sampling: 5 parsecs", "sampling is not a duration: 5 parsecs", "the units are ms, s, m, h, d and w"),
        ("sampling: [1s]", "sampling is not a text", "single value"),
        ("unit: ''", "unit is empty", "leave the key away"),
        (f"unit: {'x' * 41}", "unit is not one line of at most 40 characters", "shorten"),
        ('unit: "a\\nb"', "unit is not one line", "shorten"),
        ("unitt: m", "unknown key unitt", "did you mean unit?"),
        ("frobnicate: 1", "unknown key frobnicate", "known: class, deadband"),
        ("kind: integer", "kind is integer", "write long"),
        ("kind: String", "kind is String", "write text"),
        ("kind: waveform", "kind is waveform", "a point per element"),
        ("kind: complex", "kind is complex", "known: bool, double, enum, long, text"),
        ("kind: doubel", "kind is doubel", "did you mean double?"),
        ("kind: text, unit: m", "unit is for numbers, this is text", "kind: double"),
        ("kind: bool, limits: {hi: 1}", "limits is for numbers, this is bool", "remove limits"),
        ("kind: enum, processing: {resolution: 1}", "resolution is for numbers", "remove resolution"),
        ("kind: enum, processing: {statistics: {every: 1m, which: mean}}", "statistics is for numbers", "remove"),
        ("labels: {0: OFF}", "labels are for kind enum", "kind: enum"),
        ("kind: enum, labels: [OFF, ON]", "labels is not a mapping", "{0: OFF, 1: ON}"),
        ("kind: enum, labels: {OFF: 0}", "labels OFF: is not a whole number", "{0: OFF, 1: ON}"),
        ("kind: enum, labels: {0: OFF, 1: OFF}", "labels has OFF twice", "its own label"),
        ("limits: {lolo: 5, lo: 4}", "limit lolo 5 is above lo 4", "lolo <= lo <= hi <= hihi"),
        ("limits: {lo: 5, hihi: 4}", "limit lo 5 is above hihi 4", "rise"),
        ("limits: {hi: .nan}", "hi is not a number: .nan", "0.5"),
        ("limits: {hi: 1e999}", "hi is not a number: 1e999", "0.5"),
        ("limits: {hi: 1_000}", "hi is not a number: 1_000", "0.5"),
        ("limits: {hig: 4}", "limits: unknown key hig", "did you mean hi?"),
        ("limits: 4", "limits is not a mapping", "{lo: 5, hi: 30}"),
        ("limits: [1, 2]", "limits is not a mapping", "{lo: 5, hi: 30}"),
        ("deadband: -1", "deadband must not be negative", "0.05"),
        ("deadband: 200 %, range: [0, 1]", "deadband must not be negative or beyond 100 %", "0.5 %"),
        ("deadband: 1 %", "a deadband in % needs a range", "range: [low, high]"),
        ("deadband: .nan", "deadband is not a number: .nan", "0.5"),
        ("deadband: 500, range: [0, 10]", "the deadband 500 is wider than the range from 0 to 10", "smallest change that matters"),
        ("range: [5, 1]", "range runs from 5 to 1", "low < high"),
        ("range: [5]", "range is not a list of two numbers", "[0, 100]"),
        ("range: 5", "range is not a list of two numbers", "[0, 100]"),
        ("class: fats", "unknown class fats", "did you mean fast?"),
        ("profile: quite", "unknown profile quite", "did you mean quiet?"),
        ("source: opcau", "unknown source opcau", "did you mean opcua?"),
        ("node: Mount.Azimuth", "Mount.Azimuth is not an address", "ns=2;s="),
        ("node: ns=70000;i=1", "ns=70000;i=1 is not an address", "ns=2;s="),
        ("node: ns=2;i=4294967296", "is not an address", "ns=2;s="),
        ("node: ns=2;g=123", "is not an address", "ns=2;s="),
        ("node: ns=2;b=***", "is not an address", "ns=2;s="),
        ("node: 'ns=2;s={prot}'", "unknown parameter {prot}", "did you mean point?"),
        ("enabled: maybe", "enabled is neither true nor false: maybe", "true or false"),
        ("processing: {max_silence: 0s}", "max_silence must be longer than 0", "10s"),
        ("processing: {window: {}}", "window needs one of inside and outside", "outside: [-5, 5]"),
        ("processing: {window: [1, 2]}", "window needs one of inside and outside", "outside: [-5, 5]"),
        ("processing: {window: {inside: [2, 1]}}", "inside runs from 2 to 1", "low < high"),
        ("processing: {statistics: mean}", "statistics is not a mapping", "{every: 1m, which: [mean, max]}"),
        ("processing: [accept]", "processing is not a mapping", "{max_silence: 1m}"),
        ("processing: {window: {inside: [0, 1], outside: [0, 1]}}", "window needs one of", "outside"),
        ("processing: {statistics: {every: 1m}}", "statistics needs every and which", "mean"),
        ("processing: {statistics: {every: 1m, which: [average]}}", "which is average", "known: count, max, mean"),
        ("processing: {statistics: {every: 1m, which: []}}", "which is empty", "at least one"),
        ("sampling: 1m, processing: {statistics: {every: 1s, which: mean}}", "shorter than the sampling interval", "several"),
        ("processing: {accept: [god]}", "accept is god", "did you mean good?"),
        ("processing: {resolution: 0}", "resolution must be greater than 0", "greater than 0"),
        ("unit: m, unit: km", "unit is given twice", "remove one"),
        ("unit: {a: 1}", "unit is not a text", "single value"),
        ("[1, 2]: m", "a key is not text", "single word"),
    ],
)
def test_of_points(keys: str, what: str, remedy: str) -> None:
    check(point(keys), (what, remedy))


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        ("Azimuth", "Azimuth is not a name", "write azimuth"),
        ("motor current", "motor current is not a name", "write motor_current"),
        ("1a.", "1a. is not a name", "begin with a letter"),
        ("pdm{01..37", "a brace is not closed", "pdm{01..37}"),
        ("pdm{37..01}", "the range 37..01 runs backwards", "write {01..37}"),
        ("pdm{01-37}", "{01-37} is neither a range nor a list", "{01..37} for numbers"),
        ("pdm{0..99999999}", "is too long", "at most"),
        ("a{0..9999}b{0..9999}", "stands for 100000000 names", "at most"),
        ("{x,x}", "names one twice", "once"),
        (" ", "' ' is not a name", "begin with a letter"),
    ],
)
def test_of_names_of_points(name: str, what: str, remedy: str) -> None:
    text = point("unit: m").replace(" #!", "").replace("{p:\n", f"{{'{name}': #!\n")
    check(text, (what, remedy))


@pytest.mark.parametrize(
    ("keys", "what", "remedy"),
    [
        ("protocol: opcau, url: opc.tcp://h:1", "unknown protocol opcau", "did you mean opcua?"),
        ("protocol: modbus, url: opc.tcp://h:1", "unknown protocol modbus", "known: opcua"),
        ("url: opc.tcp://h:1", "has no protocol", "protocol: opcua"),
        ("protocol: opcua", "has no url", "opc.tcp://host:4840"),
        ("protocol: opcua, url: http://h:1", "url http://h:1 does not begin with opc.tcp://", "write opc.tcp://"),
        ("protocol: opcua, url: opc.tcp://me:secret@h:1", "holds a user or password", "password_file"),
        ("protocol: opcua, url: opc.tcp://h:1, password: x", "would be readable by everyone", "password_file"),
        ("protocol: opcua, url: opc.tcp://h:1, user: me", "user and password_file go together", "both"),
        ("protocol: opcua, url: opc.tcp://h:1, security_mode: Sign", "security_mode Sign needs a security_policy", "Basic256Sha256"),
        ("protocol: opcua, url: opc.tcp://h:1, security_policy: Basic256", "security_policy is Basic256", "Basic256Sha256"),
        (
            "protocol: opcua, url: opc.tcp://h:1, security_policy: Basic256Sha256, security_mode: None",
            "not go with security_mode None",
            "Sign",
        ),
        ("protocol: opcua, url: opc.tcp://h:1, certificate: a.pem", "certificate and private_key go together", "both"),
        ("protocol: opcua, url: opc.tcp://h:1, user_private_key: a.pem", "user_certificate and user_private_key go together", "both"),
        (
            "protocol: opcua, url: opc.tcp://h:1, user: u, password_file: p, user_certificate: c, user_private_key: k",
            "by password or by certificate",
            "remove user",
        ),
        ("protocol: opcua, url: opc.tcp://h:1, queue_size: 0", "queue_size is 0", "from 1 to 1000000"),
        ("protocol: opcua, url: opc.tcp://h:1, trigger: never", "trigger is never", "known: timestamp, value"),
        ("protocol: opcua, url: opc.tcp://h:1, watchdog: 10", "watchdog is not a duration: 10", "did you mean 10s?"),
        ("protocol: opcua, url: opc.tcp://h:1, queue_size: 5000000000", "queue_size is 5000000000", "from 1 to 1000000"),
        ("protocol: opcua, url: opc.tcp://h:1, publishing_interval: 30d", "publishing_interval is too long: 30d", "10ms to 1h"),
        ("protocol: opcua, url: opc.tcp://h:1, timeout: 1ms", "timeout is too short: 1ms", "100ms to 1h"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: Objects//x, point: a.b}", "has an empty name in it", "Objects/PLC"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: /, point: a.b}", "names nothing below Objects", "Objects/PLC"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: Root/Objects/x, point: a.b}", "begins above Objects", "from Objects on"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: Objects/x, point: a}", "belongs to no assembly", "plc.a"),
        ("protocol: opcua, url: opc.tcp://h:1, nodes: 's={point}x{poin}'", "unknown parameter {poin}", "did you mean point?"),
        ("protocol: opcua, url: opc.tcp://h:1, nodes: ns=2;s=x", "every point the same address", "{point}"),
        ("protocol: opcua, url: opc.tcp://h:1, nodes: '{point}'", "{point} is not an address", "ns=2;s="),
        ("protocol: opcua, url: 'opc.tcp://{host}:1'", "unknown parameter {host}", "known: asset, title"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a/*}", "browse needs path and point", "plc.{1}"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a/*, point: a.b}", "several nodes would become one point", "{1}"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a, point: 'a.{1}'}", "path has 0 *", "in order"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a, point: 'A b'}", "is not a name", "write x.a_b"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a, point: a, unti: m}", "unknown key unti", "did you mean unit?"),
        ("protocol: opcua, url: opc.tcp://h:1, browse: {path: a, point: a, profile: x}", "unknown profile x", "known: quiet"),
    ],
)
def test_of_sources(keys: str, what: str, remedy: str) -> None:
    found = problems(a=GOOD, bad=f"assets:\n  ast2:\n    sources:\n      plc: {{{keys}}}\n")
    assert {(p.path, p.line) for p in found} == {("bad.yaml", 4)}
    assert any(what in p.text and remedy in p.remedy for p in found), found


def test_of_the_asset_tree() -> None:
    check(
        """
assets:
  Ast2: {} #!
  a.b: {} #!
  hut: {parent: sitee} #!
  ring1: {parent: ring2} #!
  ring2: {parent: ring3}
  ring3: {parent: ring1}
  self: {parent: self} #!
  ast7: {template: astry} #!
  ast8: {template: astri} #!
  ast9: {template: astri, parameters: {prot: 2, port: 1}} #!
  ast1: {} #!
  site: {} #!
""",
        ("Ast2 is not a name", "write ast2"),
        ("a.b is not a name", "write a_b"),
        ("unknown parent sitee", "did you mean site?"),
        ("its own ancestor: ring1 -> ring2 -> ring3 -> ring1", "another parent"),
        ("its own ancestor: self -> self", "another parent"),
        ("unknown template astry", "did you mean astri?"),
        ("parameter port has no value", "{port: ...}"),
        ("unknown parameter prot", "did you mean port?"),
        ("asset ast1 is defined twice", "a.yaml:11"),
        ("asset site has the name of the site", "rename"),
    )


def test_of_points_without_or_with_several_sources() -> None:
    check(
        """
assets:
  bare: {assemblies: {a: {points: {p: , q: }}}} #!
  two:
    sources:
      x: {protocol: opcua, url: "opc.tcp://h:1", nodes: "s={point}"}
      y: {protocol: opcua, url: "opc.tcp://h:1"}
    assemblies:
      a:
        points:
          p: #!
          q: {source: x}
          r: {source: y} #!
          s: {source: y, node: i=5}
""",
        ("bare has points but no source", "`sources:`"),
        ("a.p: two has several sources", "one of x, y"),
        ("a.r has no address", "give the point `node: "),
    )


def test_of_overrides_and_doubles() -> None:
    check(
        """
assets:
  ast2:
    template: astri
    parameters: {port: 2}
    assemblies:
      mount: {points: {azimuth: }} #!
      dome:
        points:
          a: {processing: {statistics: {every: 1m, which: mean}}}
          a.mean: #!
          b{1..2}:
          b2: #!
    override:
      mount.azimut: {unit: rad} #!
      mount.azimuth: {range: [0, 5], deadband: 1 %, limits: {hi: 3, lo: 4}} #!
      dome.a.mean: {unit: m} #!
""",
        ("mount.azimuth is defined twice", "a.yaml:9: remove one, or use override"),
        ("dome.a.mean is defined twice", "bad.yaml:10"),
        ("dome.b2 is defined twice", "bad.yaml:12"),
        ("override of mount.azimut, which the asset does not have", "did you mean mount.azimuth?"),
        ("limit lo 4 is above hi 3", "rise"),
        ("dome.a.mean is derived from another point", "statistics"),
    )


def test_of_classes_profiles_and_the_site() -> None:
    check(
        """
classes:
  Fast: #!
  tiny: {chunk: 1s} #!
  huge: {chunk: 2d} #!
  short: {retention: 5m} #!
  fast: {chunk: 1h} #!
profiles:
  quiet: {} #!
  loud: {node: x} #!
  nested: {profile: loud} #!
site:
  latitude: 91 #!
  longitude: north #!
  heigth: 3 #!
templates:
  astri: {} #!
  hess: {parameters: {asset: }} #!
sites: #!
""",
        ("Fast is not a name of a class", "write fast"),
        ("class tiny: a chunk of 1s", "from 1m to 1d"),
        ("class huge: a chunk of 2d", "from 1m to 1d"),
        ("class short: the retention is shorter than a chunk", "at least one chunk"),
        ("class fast is defined twice", "a.yaml:3"),
        ("profile quiet is defined twice", "a.yaml:2"),
        ("profile loud: unknown key node", "known: "),
        ("profile nested: unknown key profile", "known: "),
        ("latitude is beyond 90°", "-90 to 90"),
        ("longitude is not a number: north", "without a unit"),
        ("unknown key heigth", "did you mean height?"),
        ("template astri is defined twice", "a.yaml:5"),
        ("parameter asset has a name with a meaning", "another name"),
        ("document: unknown key sites", "did you mean site?"),
    )


def test_of_points_that_two_places_define() -> None:
    check(
        """
assets:
  ast2:
    sources:
      x:
        protocol: opcua
        url: opc.tcp://h:1
        nodes: s={point}
        browse:
          - {path: Objects/a, point: a.p} #!
          - {path: Objects/b, point: a.q}
          - {path: Objects/c, point: a.q} #!
    assemblies: {a: {points: {p: }}}
""",
        ("browse: a.p is defined twice", "bad.yaml:13"),
        ("browse: a.q is defined twice", "bad.yaml:11"),
    )


def test_of_keys_that_people_try() -> None:
    check(
        """
templates:
  one: {template: two} #!
  two: {extends: one} #!
profiles:
  warm: &warm {unit: K}
  cold:
    <<: *warm #!
assets:
  - hut #!
""",
        ("template one: template cannot be given: a template builds upon no other", "profiles"),
        ("template two: extends cannot be given", "profiles"),
        ("unknown key <<", "a profile"),
        ("assets is not a mapping", "`name:` instead of `- name`"),
    )
    check("assets:\n  ast2: {points: {p: }} #!\n", ("ast2: points stand within an assembly", "assemblies: {NAME:"))
