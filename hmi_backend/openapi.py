"""What the plain paths answer, told to machines: every status with the shape of its body, and how to log in."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hmi_backend.errors import STATUS

ABOUT: Final = "The plain HTTP paths. Points, series, live values and everything else are in GraphQL: /graphql, /schema.graphql."
EXTRA: Final = {401: "Log in", 405: "The path has no such method"}
OPEN: Final = ("/healthz", "/readyz", "/lifeboat", "/lifeboat.json", "/auth/login")
_ERROR: Final = {
    "type": "object",
    "required": ["errors"],
    "properties": {
        "errors": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["message", "extensions"],
                "properties": {
                    "message": {"type": "string"},
                    "extensions": {
                        "type": "object",
                        "required": ["code"],
                        "properties": {"code": {"type": "string", "enum": [*STATUS, "METHOD_NOT_ALLOWED"]}},
                    },
                },
            },
        }
    },
}


def describe(app: FastAPI, open_metrics: bool) -> dict[str, Any]:
    """The OpenAPI document; made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
        components = made.setdefault("components", {})
        components["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": "mla_session"},
        }
        schemas = components.setdefault("schemas", {})
        schemas["Problem"] = _ERROR
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        for path, operations in made["paths"].items():
            for operation in operations.values():
                _answers(operation)
                if path not in OPEN and not (open_metrics and path == "/metrics"):
                    operation["security"] = [{"token": []}, {"cookie": []}]
        app.openapi_schema = made
    return app.openapi_schema


def _answers(operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)  # what is wrong is told as 400
    codes: dict[int, list[str]] = {}
    for code, status in STATUS.items():
        codes.setdefault(status, []).append(code)
    for status, names in codes.items():
        if str(status) not in operation["responses"]:
            operation["responses"][str(status)] = {
                "description": f"{EXTRA.get(status, 'Code')}: {', '.join(names)}",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
