"""What one request may cost, checked before it is executed, and what an error may tell."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_argument_values,
    get_variable_values,
)
from strawberry.extensions import AddValidationRules, MaskErrors, MaxTokensLimiter, ParserCache, SchemaExtension, ValidationCache
from strawberry.extensions.max_aliases import create_validator as alias_rule
from strawberry.extensions.query_depth_limiter import create_validator as depth_rule
from strawberry.types.execution import ExecutionContext

from hmi_backend.errors import ApiError, TooExpensive, code_of
from hmi_backend.graphql.context import Context
from hmi_backend.roles import SERIES_BUDGET, Role
from hmi_backend.times import parse_time
from kernel.archive import ResampleMethod

DEPTH, ALIASES, TOKENS, CACHED = 10, 60, 4000, 256
log = logging.getLogger(__name__)
_RULES = (depth_rule(DEPTH, None), alias_rule(ALIASES))


def series_cost(arguments: Mapping[str, Any], now: int) -> int:
    """Samples that one `series` field may give: points × buckets."""
    points = len(arguments.get("points") or ())
    grid = arguments.get("resample")
    if grid is None or grid["method"] in (ResampleMethod.RAW, "RAW"):
        return points * int(arguments.get("limit") or 0)
    buckets = grid.get("buckets")
    if buckets is None and grid.get("every"):
        span = parse_time(arguments["to"], now) - parse_time(arguments["from"], now)
        buckets = -(-max(span, 0) // int(grid["every"]))
    return points * int(buckets or 0) * (2 if grid["method"] in (ResampleMethod.MINMAX, "MINMAX") else 1)


def _fields(document: DocumentNode, operation: OperationDefinitionNode) -> Iterator[FieldNode]:
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    waiting: list[SelectionSetNode] = [operation.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, FragmentSpreadNode):
                waiting.append(fragments[selection.name.value].selection_set)
            else:
                waiting.append(selection.selection_set)  # type: ignore[attr-defined]


class CostLimit(SchemaExtension):
    """Refuses a request that asks for more samples than its role may have at once."""

    def on_execute(self) -> Iterator[None]:
        context, execution = self.execution_context.context, self.execution_context
        if isinstance(context, Context) and execution.operation_type.value == OperationType.QUERY.value:
            cost = self._cost(execution, context)
            role = context.identity.role if context.identity else Role.VIEWER
            if cost > SERIES_BUDGET[role]:
                raise TooExpensive(cost, SERIES_BUDGET[role], role.value)
        yield

    def _cost(self, execution: ExecutionContext, context: Context) -> int:
        document, graphql = execution.graphql_document, execution.schema._schema
        assert document is not None
        assert graphql.query_type is not None
        operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
        named = [o for o in operations if execution.operation_name in (None, o.name.value if o.name else None)]
        fields = [f for f in _fields(document, named[0]) if f.name.value == "series"]
        values = get_variable_values(graphql, named[0].variable_definitions or (), execution.variables or {}) if fields else None
        if isinstance(values, list):
            return 0  # variables of the wrong type: the execution says so
        definition, now = graphql.query_type.fields["series"], context.backend.clock.now()
        return sum(series_cost(get_argument_values(definition, f, values), now) for f in fields)


def _hide(error: GraphQLError) -> bool:
    return "code" not in (error.extensions or {})


class Coded(MaskErrors):
    """Gives every error a code. What was not raised for the asker is logged here and told only as a number to look for."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_hide)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        original = error.original_error
        if isinstance(original, ApiError):
            return _with(error, original.message, dict(original.extensions or {}))
        code = code_of(original)
        if code is not None:
            return _with(error, str(original), {"code": code})
        if original is None or isinstance(original, GraphQLError):
            return _with(error, error.message, {"code": "GRAPHQL_VALIDATION_FAILED"})
        number = uuid.uuid4().hex[:8]
        log.error("error %s in %s", number, error.path, exc_info=original)
        return _with(error, f"internal error {number}: the server's log has the details", {"code": "INTERNAL"})


def _with(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(message, error.nodes, error.source, error.positions, error.path, None, extensions)


EXTENSIONS: Sequence[type[SchemaExtension] | Callable[[], SchemaExtension]] = (
    Coded,
    lambda: MaxTokensLimiter(max_token_count=TOKENS),
    lambda: AddValidationRules(list(_RULES)),
    lambda: ParserCache(maxsize=CACHED),
    lambda: ValidationCache(maxsize=CACHED),
    CostLimit,
)
