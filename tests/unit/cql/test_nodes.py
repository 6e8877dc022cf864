"""Names of nodes: kept where they stand for one node, so that certificates fit and changed addresses are found."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from cassandra.connection import DefaultEndPoint

from cql.nodes import NamedNodes, addresses, of_one_node

NAMES = {
    "one": frozenset({"10.0.0.1"}),
    "two": frozenset({"10.0.0.2", "fd00::2"}),
    "ring": frozenset({"10.0.0.1", "10.0.0.2", "10.0.0.3"}),
}


def named(*hosts: tuple[str, int]) -> NamedNodes:
    nodes = NamedNodes(hosts, lambda name: NAMES.get(name, frozenset()))
    nodes.configure(SimpleNamespace(address_translator=SimpleNamespace(translate=lambda address: address)))
    return nodes


def row(address: str, port: int = 9042) -> dict[str, object]:
    return {"rpc_address": address, "native_address": address, "native_port": port}


def test_a_name_of_one_node_is_kept_and_one_of_several_is_left_to_the_client_library() -> None:
    assert named(("one", 9042), ("ring", 9043)).contact_points() == [DefaultEndPoint("one", 9042), ("ring", 9043)]


def test_a_name_that_nobody_knows_yet_is_asked_for_again_when_it_is_connected_to() -> None:
    assert named(("three", 9042)).contact_points() == [DefaultEndPoint("three", 9042)]


def test_a_node_that_is_told_of_goes_by_the_name_it_has_in_the_url() -> None:
    nodes = named(("one", 9042), ("two", 9042))
    assert nodes.create(row("10.0.0.2")) == DefaultEndPoint("two", 9042)
    assert nodes.create(row("10.0.0.3")) == DefaultEndPoint("10.0.0.3", 9042)
    assert nodes.create(row("10.0.0.1", 9999)) == DefaultEndPoint("10.0.0.1", 9999), "another node behind the same address"


def test_nodes_of_a_common_name_are_told_apart_by_their_addresses() -> None:
    nodes = named(("ring", 9042))
    assert [nodes.create(row(f"10.0.0.{n}")).address for n in (1, 2)] == ["10.0.0.1", "10.0.0.2"]


@pytest.mark.parametrize(
    ("found", "one"),
    [
        ((), True),
        (("10.0.0.1",), True),
        (("10.0.0.1", "fe80::1%eth0"), True),
        (("10.0.0.1", "10.0.0.2"), False),
        (("fd00::1", "fd00::2"), False),
    ],
)
def test_one_address_of_each_kind_is_one_node(found: tuple[str, ...], one: bool) -> None:
    assert of_one_node(frozenset(found)) is one


def test_the_system_is_asked_what_a_name_means() -> None:
    assert addresses("127.0.0.3") == {"127.0.0.3"}
    assert addresses("no-such-host.invalid") == frozenset()
