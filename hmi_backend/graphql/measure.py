"""How large a document is, and what answering it costs, found without executing it. Pure.

A fragment is measured once, however often it is spread: documents that double at each level are measured in no time too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_argument_values,
    get_named_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value


@dataclass(frozen=True, slots=True)
class Size:
    """Of a selection set: how many levels are below it, and how many aliases are in it, fragments expanded."""

    depth: int = 0
    aliases: int = 0


def size_of(document: DocumentNode) -> Size:
    """Of the largest operation. Introspection has a rule of its own and does not count; nor do fragments that contain themselves."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    known: dict[str, Size] = {}

    def of(selections: SelectionSetNode) -> Size:
        depth = aliases = 0
        for s in selections.selections:
            if isinstance(s, FieldNode):
                inner = of(s.selection_set) if s.selection_set and not s.name.value.startswith("__") else None
                depth = max(depth, 1 + inner.depth if inner else 0)
                aliases += (s.alias is not None) + (inner.aliases if inner else 0)
            else:
                inner = spread(s.name.value) if isinstance(s, FragmentSpreadNode) else of(s.selection_set)  # type: ignore[attr-defined]
                depth, aliases = max(depth, inner.depth), aliases + inner.aliases
        return Size(depth, aliases)

    def spread(name: str) -> Size:
        if name not in known:
            known[name] = Size()  # what a fragment that contains itself finds
            found = fragments.get(name)
            known[name] = of(found.selection_set) if found else Size()
        return known[name]

    sizes = [of(d.selection_set) for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    return Size(max((s.depth for s in sizes), default=0), max((s.aliases for s in sizes), default=0))


def _first(definition: GraphQLField, arguments: Mapping[str, Any]) -> int:
    """The page asked for; null stands for the default."""
    first = arguments.get("first")
    if first is None and "first" in definition.args:
        first = coerce_default_value(definition.args["first"])
    return first if isinstance(first, int) else 1


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a selection set."""

    samples: int = 0
    """Points × buckets."""
    values: int = 0
    """Values of fields, each page taken as full."""


SampleCost = Callable[[str, Mapping[str, Any]], int]
"""Samples that a root field with these arguments may give."""


def cost_of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Any, samples: SampleCost) -> Cost:
    """Of a valid operation. `variables` are coerced ones."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    known: dict[str, Cost] = {}

    def of(selections: SelectionSetNode, parent: GraphQLNamedType | None) -> Cost:
        found, seen = Cost(), set[str]()
        for s in selections.selections:
            if isinstance(s, FieldNode):
                inner = of_field(s, parent)
            elif isinstance(s, InlineFragmentNode):
                inner = of(s.selection_set, schema.get_type(s.type_condition.name.value) if s.type_condition else parent)
            elif isinstance(s, FragmentSpreadNode) and s.name.value not in seen:  # executed once, however often it stands here
                seen.add(s.name.value)
                inner = of_fragment(s.name.value)
            else:
                inner = Cost()
            found = Cost(found.samples + inner.samples, found.values + inner.values)
        return found

    def of_fragment(name: str) -> Cost:
        if name not in known:
            fragment = fragments[name]
            known[name] = of(fragment.selection_set, schema.get_type(fragment.type_condition.name.value))
        return known[name]

    def of_field(node: FieldNode, parent: GraphQLNamedType | None) -> Cost:
        definition = parent.fields.get(node.name.value) if isinstance(parent, GraphQLObjectType) else None
        if definition is None:
            return Cost(0, 1)  # introspection, bounded by the schema
        arguments = get_argument_values(definition, node, variables) if definition.args else {}
        own = samples(node.name.value, arguments) if parent is schema.query_type else 0
        inner = of(node.selection_set, get_named_type(definition.type)) if node.selection_set else Cost()
        many = max(1, int(_first(definition, arguments)))
        return Cost(own + many * inner.samples, 1 + many * inner.values)

    return of(operation.selection_set, schema.query_type)
