"""The schema, put together; `python -m hmi_backend.graphql.schema` writes it to schema.graphql."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext, ExecutionResult, StreamExecutionResult
from strawberry.types.graphql import OperationType

from hmi_backend.graphql.executor import Executor
from hmi_backend.graphql.limits import EXTENSIONS
from hmi_backend.graphql.mutations import Mutation
from hmi_backend.graphql.queries import Query
from hmi_backend.graphql.scalars import SCALARS
from hmi_backend.graphql.subscriptions import Subscription

EXPORTED = Path(__file__).parent.parent / "schema.graphql"


class _Runner(SchemaExtensionsRunner):
    """Ours add nothing to a result and look only at errors: an event of a subscription without any passes at once."""

    def on_stream_result(self, result: StreamExecutionResult) -> Any:
        return super().on_stream_result(result) if getattr(result, "errors", None) else _PASS

    async def get_extensions_results(self, ctx: ExecutionContext) -> dict[str, Any]:
        return ctx.extensions_results


_PASS = nullcontext()


class _Schema(strawberry.Schema):
    def create_extensions_runner(self, execution_context: ExecutionContext, extensions: list[SchemaExtension]) -> SchemaExtensionsRunner:
        return _Runner(execution_context, extensions)

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """One answer to one request. Subscriptions have none: strawberry allows them with POST, where they can only fail inside."""
        allowed = set(OperationType if allowed_operation_types is None else allowed_operation_types) - {OperationType.SUBSCRIPTION}
        return await super().execute(query, variable_values, context_value, root_value, operation_name, allowed, operation_extensions)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: what is our mistake is logged where it is hidden (limits.Coded), what is the asker's concerns nobody else."""


@cache
def schema() -> strawberry.Schema:
    """The one schema."""
    config = StrawberryConfig(scalar_map=dict(SCALARS))
    return _Schema(Query, Mutation, Subscription, extensions=EXTENSIONS, execution_context_class=Executor, config=config)


def sdl() -> str:
    """The schema in the schema definition language."""
    return schema().as_str() + "\n"


if __name__ == "__main__":
    EXPORTED.write_text(sdl())
