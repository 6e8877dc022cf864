"""URLs of sources that lead nowhere."""

from __future__ import annotations

import gc

import pytest

import cdb
from kernel.errors import ConfigProblems, Problem
from tests.support.mistakes import GOOD, check, point, problems


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("opc.tcp://host:99999", "has the port 99999"),
        ("opc.tcp://host:0", "has the port 0"),
        ("opc.tcp://host:-1", "has the port '-1', which is no number"),
        ("opc.tcp://host:abc", "has the port 'abc', which is no number"),
        ("opc.tcp://host:", "has a colon but no port after it"),
        ("opc.tcp://host", "names no port"),
        ("opc.tcp://:4840", "names no host"),
        ("opc.tcp://", "names no host"),
        ("opc.tcp:///path", "names no host"),
        ("opc.tcp://1.2.3.400:4840", "no address of IPv4"),
        ("opc.tcp://::1:4840", "an address of IPv6 without brackets"),
        ("opc.tcp://[::g]:4840", "no address of IPv6"),
        ("opc.tcp://a b:4840", "has a blank in it"),
        ("opc.tcp://-a:4840", "is no name of a host"),
        ("opc.tcp://host:4840?x", "has a ? or #"),
        ("OPC.TCP://host:4840", "does not begin with opc.tcp://"),
        ("host:4840", "does not begin with opc.tcp://"),
    ],
)
def test_of_urls(url: str, what: str) -> None:
    (found,) = problems(a=GOOD, bad=f"assets:\n  ast2:\n    sources:\n      plc: {{protocol: opcua, url: '{url}'}}\n")
    assert (found.path, found.line) == ("bad.yaml", 4)
    assert found.text.startswith(f"source plc: the url {url} ")
    assert what in found.text
    assert "opc.tcp://host:4840" in found.remedy or "4840 is the usual" in found.remedy


@pytest.mark.parametrize(
    "url", ["opc.tcp://plc.example:4840/a/b", "opc.tcp://[::1]:1", "opc.tcp://10.0.0.7:65535", "opc.tcp://plc_1.:4840"]
)
def test_of_good_urls(url: str) -> None:
    cdb.compile({"a.yaml": f"assets: {{hut: {{sources: {{plc: {{protocol: opcua, url: '{url}'}}}}}}}}"})


def test_of_values_that_make_a_url_wrong_where_they_are_given() -> None:
    text = """
templates:
  far:
    parameters: {host: , port: "70000"}
    sources: {plc: {protocol: opcua, url: "opc.tcp://{host}.{asset}:{port}"}} #!
  wrong:
    parameters: {host: }
    sources: {plc: {protocol: opcua, url: "opc.tcp://{host}:port"}} #!
  whole: {parameters: {end: }, sources: {plc: {protocol: opcua, url: "opc.tcp://{end}"}}}
assets:
  a1: {template: far, parameters: {host: h}}
  a2:
    template: far
    parameters:
      host: h
      port: x #!
  a3: {template: wrong, parameters: {host: h}}
  a4: {template: whole, parameters: {end: "h:1"}}
  a5: {template: whole, parameters: {end: "me@h:1"}} #!
  a6: {template: far} #!
"""
    check(
        text,
        ("source a1.plc: the url opc.tcp://h.a1:70000 has the port 70000", "1 to 65535"),
        ("source plc: the url opc.tcp://{host}:port has the port 'port', which is no number", "opc.tcp://host:4840"),
        ("source a2.plc: the url opc.tcp://h.a2:x has the port 'x'", "4840"),
        ("source a5.plc: the url opc.tcp://me@h:1 holds a user or password", "password_file"),
        ("a6: parameter host has no value", "{host: ...}"),
    )
