"""What one request may cost, checked before it is executed, and what an error may tell."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    ValidationRule,
    get_variable_values,
)
from strawberry.extensions import AddValidationRules, MaskErrors, MaxTokensLimiter, ParserCache, SchemaExtension, ValidationCache
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types.execution import ExecutionContext

from hmi_backend.errors import ApiError, BadRequest, TooExpensive, TooManyValues, code_of
from hmi_backend.graphql.context import Context
from hmi_backend.graphql.measure import Cost, cost_of, size_of
from hmi_backend.roles import SERIES_BUDGET, VALUES_BUDGET, Role
from hmi_backend.times import parse_time
from kernel.archive import ResampleMethod

DEPTH, ALIASES, TOKENS, CACHED = 10, 60, 4000, 256
LOOK_BACK = 10
"""A value of the past costs as much as so many samples in a row: each may lie in another chunk."""
log = logging.getLogger(__name__)


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


def samples_of(field: str, arguments: Mapping[str, Any], now: int) -> int:
    """Samples that a root field may give or has to look up."""
    if field == "series":
        return series_cost(arguments, now)
    if field == "pointTable":
        return len(arguments.get("names") or ())
    points = len(arguments.get("points") or ())
    return points * LOOK_BACK if field == "valuesAt" else points if field == "lastValues" else 0


class SizeRule(ValidationRule):
    """Refuses documents that are too deep or have too many aliases."""

    def enter_document(self, node: DocumentNode, *_: Any) -> None:
        found = size_of(node)
        if found.depth > DEPTH:
            self.report_error(GraphQLError(f"the document is {found.depth} levels deep, at most {DEPTH} are allowed", node))
        if found.aliases > ALIASES:
            self.report_error(GraphQLError(f"the document has {found.aliases} aliases, at most {ALIASES} are allowed", node))


class Documents(ParserCache):
    """Documents already parsed. One that cannot be is left to strawberry, which parses it again and answers: raised here it would end
    an operation of a web socket without a word."""

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        with suppress(GraphQLSyntaxError):
            execution.graphql_document = self.cached_parse_document(execution.query, **execution.parse_options)
        yield


class CostLimit(SchemaExtension):
    """Refuses a request that asks for more than its role may have at once, or does not say what it asks for."""

    def on_execute(self) -> Iterator[None]:
        context, execution = self.execution_context.context, self.execution_context
        if execution._provided_operation_name is None and len(_operations(execution)) > 1:  # strawberry would execute the first
            raise BadRequest("the document has several operations: say with operationName which one is to be executed")
        if isinstance(context, Context) and execution.operation_type.value == OperationType.QUERY.value:
            cost = self._cost(execution, context)
            role = context.identity.role if context.identity else Role.VIEWER
            if cost.samples > SERIES_BUDGET[role]:
                raise TooExpensive(cost.samples, SERIES_BUDGET[role], role.value)
            if cost.values > VALUES_BUDGET:
                raise TooManyValues(cost.values, VALUES_BUDGET)
        yield

    def _cost(self, execution: ExecutionContext, context: Context) -> Cost:
        document, graphql, now = execution.graphql_document, execution.schema._schema, context.backend.clock.now()
        assert document is not None
        named = [o for o in _operations(execution) if execution.operation_name in (None, o.name.value if o.name else None)]
        values = get_variable_values(graphql, named[0].variable_definitions or (), execution.variables or {})
        if isinstance(values, list):
            return Cost()  # variables of the wrong type: the execution says so
        return cost_of(graphql, document, named[0], values, lambda field, arguments: samples_of(field, arguments, now))


def _operations(execution: ExecutionContext) -> list[OperationDefinitionNode]:
    document = execution.graphql_document
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)] if document else []


def _hide(error: GraphQLError) -> bool:
    return "code" not in (error.extensions or {})


class Coded(MaskErrors):
    """Gives every error a code. What was not raised for the asker is logged here and told only as a number to look for."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=_hide)

    def _process_result(self, result: object) -> None:
        errors = getattr(result, "errors", None)
        if errors:  # asked directly: the base class asks by protocol, which takes longer than sending a message
            result.errors = self._process_errors(errors)  # type: ignore[attr-defined]

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        original = error.original_error
        if isinstance(original, ApiError):
            return _with(error, original.message, dict(original.extensions or {}))
        code = code_of(original)
        if code is not None:
            return _with(error, str(original), {"code": code})
        if isinstance(error, GraphQLSyntaxError):
            return _with(error, error.message, {"code": "GRAPHQL_PARSE_FAILED"})
        if isinstance(original, CannotGetOperationTypeError):
            return _with(error, original.as_http_error_reason(), {"code": "BAD_REQUEST"})
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
    lambda: AddValidationRules([SizeRule]),
    lambda: Documents(maxsize=CACHED),
    lambda: ValidationCache(maxsize=CACHED),
    CostLimit,
)
