"""Reduces Kalshi's published specifications to names and types, small enough to keep here.

    python -m tests.support.kalshi_spec_digest OPENAPI.yaml ASYNCAPI.yaml > kalshi_spec_digest.json

Needs PyYAML, which the project itself does not; any interpreter that has it will do. A field is
`[type, required, enum]`: `string<FixedPointDollars>` is a named scalar, `@Order` another schema,
`[...]` an array, a trailing `?` may be null.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATHS = re.compile(r"/(exchange|series|events|markets|account|historical|portfolio/(?!sub|intra))")
LEFT_OUT = re.compile(r"rfq|quote|pyth|multivariate|eventLifecycle", re.IGNORECASE)
METHODS = ("get", "post", "put", "delete")

Schema = dict[str, Any]
Field = list[Any]


class Digest:
    """Collects the schemas that something asked for; inline ones are named after their place."""

    def __init__(self, components: Schema) -> None:
        self._components = components
        self.schemas: dict[str, dict[str, Field]] = {}

    def add(self, name: str, schema: Schema) -> None:
        if name in self.schemas:
            return
        fields = self.schemas[name] = {}
        required = set(schema.get("required", ()))
        for field, inner in sorted(schema.get("properties", {}).items()):
            kind, enum = self.kind(inner, f"{name}.{field}")
            fields[field] = [kind, field in required, *([enum] if enum else [])]

    def kind(self, schema: Schema, place: str) -> tuple[str, list[Any]]:
        """(type, enum) of a schema; adds the object schemas it leads to."""
        parts = schema.get("allOf", [])
        if len(parts) == 1:
            kind, enum = self.kind(parts[0], place)
            return _nullable(kind, schema), enum
        if "$ref" in schema:
            kind, enum = self._referred(schema["$ref"].rsplit("/", 1)[1])
            return _nullable(kind, schema), enum
        if "properties" in schema:
            self.add(place, schema)
            return _nullable(f"@{place}", schema), []
        if _plain(schema) == "array":
            inner, enum = self.kind(schema.get("items", {}), f"{place}[]")
            return _nullable(f"[{inner}]", schema), enum
        return _nullable(_scalar(schema), schema), _enum(schema)

    def _referred(self, name: str) -> tuple[str, list[Any]]:
        schema = self._components["schemas"][name]
        if "properties" in schema:
            self.add(name, schema)
            return f"@{name}", []
        kind, enum = self.kind(schema, name)
        return (f"{kind}<{name}>" if kind in ("string", "integer") else kind), enum


def _plain(schema: Schema) -> str:
    kind = schema.get("type", "any")
    named = [each for each in kind if each != "null"] if isinstance(kind, list) else [kind]
    return str(named[0]) if len(named) == 1 else "any"


def _scalar(schema: Schema) -> str:
    form = schema.get("format")
    return f"{_plain(schema)}:{form}" if form in ("date-time", "double") else _plain(schema)


def _enum(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _nullable(kind: str, schema: Schema) -> str:
    may = schema.get("nullable") or "null" in (schema.get("type") or ())
    return f"{kind}?" if may and not kind.endswith("?") else kind


def openapi(spec: Schema) -> Schema:
    digest = Digest(spec["components"])
    paths = {
        f"{method.upper()} {re.sub('{[^/]*}', '{}', path)}": _operation(spec, digest, path, op)
        for path, methods in spec["paths"].items()
        if PATHS.match(path)
        for method, op in methods.items()
        if method in METHODS
    }
    return {"version": spec["info"]["version"], "paths": paths, "schemas": digest.schemas}


def _operation(spec: Schema, digest: Digest, path: str, op: Schema) -> Schema:
    found: Schema = {"query": {}, "request": None, "responses": {}}
    for parameter in op.get("parameters", ()):
        told = _resolved(spec, parameter)
        if told["in"] == "query":
            kind, enum = digest.kind(told["schema"], f"{path}?{told['name']}")
            asked = [kind, told.get("required", False), *([enum] if enum else [])]
            found["query"][told["name"]] = asked
    if "requestBody" in op:
        found["request"] = _content(digest, op["requestBody"], path)
    for status, response in op["responses"].items():
        if status.startswith("2"):
            found["responses"][status] = _content(digest, _resolved(spec, response), path)
    return found


def _content(digest: Digest, holder: Schema, place: str) -> str | None:
    schema = holder.get("content", {}).get("application/json", {}).get("schema")
    return None if schema is None else digest.kind(schema, place)[0]


def _resolved(spec: Schema, node: Schema) -> Schema:
    while "$ref" in node:
        target: Schema = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def asyncapi(spec: Schema) -> Schema:
    digest = Digest(spec["components"])
    for name, schema in _payloads(spec):
        digest.add(name, schema)
    codes = {str(each["code"]): each["name"] for each in spec["x-error-codes"]["codes"]}
    return {"version": spec["info"]["version"], "schemas": digest.schemas, "error_codes": codes}


def _payloads(spec: Schema) -> Iterator[tuple[str, Schema]]:
    for name, schema in sorted(spec["components"]["schemas"].items()):
        if name.endswith("Payload") and not LEFT_OUT.search(name):
            yield name, schema


def text_of(digest: Schema) -> str:
    """One schema or path a line, so that a change of the venue's shows as a change of lines."""
    return json.dumps(_lines(digest), indent=1, sort_keys=True).replace('"~', "").replace(
        '~"', ""
    ).replace('\\"', '"') + "\n"  # fmt: skip


def _lines(digest: Schema) -> Schema:
    def packed(table: Schema) -> Schema:
        return {key: f"~{json.dumps(value, sort_keys=True)}~" for key, value in table.items()}

    return {
        part: {
            key: packed(value) if key in ("schemas", "paths") else value
            for key, value in digest[part].items()
        }
        for part in digest
    }


def main(arguments: list[str]) -> None:
    import yaml  # type: ignore[import-untyped,unused-ignore,import-not-found]

    openapi_path, asyncapi_path = (Path(each) for each in arguments)
    told = {
        "openapi": openapi(yaml.safe_load(openapi_path.read_text())),
        "asyncapi": asyncapi(yaml.safe_load(asyncapi_path.read_text())),
    }
    sys.stdout.write(text_of(told))


if __name__ == "__main__":
    main(sys.argv[1:])
