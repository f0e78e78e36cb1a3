"""The page about the REST interface: the OpenAPI document written out for people, without scripts."""

import json
import re
from collections.abc import Iterator
from typing import Any

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from app.errors import STATUS
from app.openapi import REFUSALS
from app.schemas.base import MAX_INT
from app.settings import ROOT

Schema = dict[str, Any]

DEPTH = 4
"""How far an example follows models inside models."""


def render_docs(document: Schema, stylesheet: str, icon: str, base_url: str) -> str:
    """Write the page. ``stylesheet`` and ``icon`` are addresses; ``base_url`` is what the curl examples call."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "app" / "pages" / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "type": type_name, "limits": limits, "pretty": _pretty}
    schemas = document["components"]["schemas"]
    return environment.get_template("api_docs.html").render(
        document=document,
        stylesheet=stylesheet,
        icon=icon,
        base_url=base_url,
        groups=list(_group(document)),
        schemas=schemas,
        errors=[(code, STATUS[code], error.default) for code, error in REFUSALS.items()],
        example=lambda schema: example(schema, schemas),
        curl=lambda operation: curl(operation, schemas, base_url),
    )


def prose(text: str) -> Markup:
    """Turn the little Markdown of our docstrings into HTML: paragraphs, lists, `code` and **bold**."""
    parts = []
    for block in filter(None, text.strip().split("\n\n")):
        lines = block.splitlines()
        if all(line.startswith(("* ", "  ")) for line in lines):
            items = re.split(r"^\* ", block, flags=re.MULTILINE)[1:]
            parts.append("<ul>" + "".join(f"<li>{_inline(item)}</li>" for item in items) + "</ul>")
        else:
            parts.append(f"<p>{_inline(block)}</p>")
    return Markup("".join(parts))  # noqa: S704  the words went through escape()


def _inline(text: str) -> str:
    text = str(escape(text.strip()))
    text = re.sub(r"``?([^`]+)``?", r"<code>\1</code>", text)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)


def type_name(schema: Schema) -> Markup:
    """Name a schema's type; models are links."""
    if "$ref" in schema:
        name = _name(schema)
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return Markup(" or ").join(type_name(option) for option in options)
    if "allOf" in schema:
        return type_name(schema["allOf"][0])
    if schema.get("type") == "array":
        return Markup("list of {}").format(type_name(schema.get("items", {})))
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        return Markup("object of {}").format(type_name(schema["additionalProperties"]))
    return escape(schema.get("format") or schema.get("type") or ("constant" if "const" in schema else "anything"))


_LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "at least {} character(s)",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
    "default": "default {}",
    "const": "always {}",
}


def limits(schema: Schema) -> list[str]:
    """List what a value has to keep to, in words."""
    own = schema
    if options := [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]:
        own = {**options[0], **schema} if len(options) == 1 else schema
    words = [
        text.format(own[key] if key == "pattern" else _plain(own[key]))
        for key, text in _LIMITS.items()
        if own.get(key) is not None and not (key in ("maximum", "minimum") and abs(own[key]) == MAX_INT)
    ]
    if "enum" in own:
        words.append("one of " + ", ".join(map(_plain, own["enum"])))
    return words


def example(schema: Schema, schemas: Schema, depth: int = DEPTH) -> Any:
    """Make up a value of ``schema``: its own example where it has one."""
    for key in ("example", "const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    if "$ref" in schema:
        return example(schemas[_name(schema)], schemas, depth - 1) if depth else {}
    if options := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return example(options[0], schemas, depth)
    match schema.get("type"):
        case "object":
            return {name: example(part, schemas, depth) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [example(schema.get("items", {}), schemas, depth)] if depth > 1 else []
        case "integer" | "number":
            return max(schema.get("minimum", 0), 1)
        case "boolean":
            return True
        case "string":
            return _FORMATS.get(schema.get("format", ""), "text")
    return None


_FORMATS = {
    "date-time": "2026-03-08T09:30:00Z",
    "date": "2026-03-08",
    "email": "anna@example.com",
    "uuid": "3f0c8a52-61b7-4c0e-9d0a-5b1f6a7e2d94",
}


def curl(operation: Schema, schemas: Schema, base_url: str) -> str:
    """Write the call as one would type it in a shell."""
    path = re.sub(r"\{(\w+)\}", "12", operation["path"])
    lines = [f"curl {base_url}{path}"]
    if operation["method"] != "GET":
        lines[0] = f"curl -X {operation['method']} {base_url}{path}"
    if operation["security"]:
        lines.append('  -H "Authorization: Bearer $TOKEN"')
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        lines.append("  -F 'file=@a-file'")
    elif content:
        lines.append("  -H 'Content-Type: application/json'")
        value = example(content["application/json"]["schema"], schemas)
        lines.append("  -d '" + json.dumps(value, ensure_ascii=False).replace("'", "'\\''") + "'")
    return " \\\n".join(lines)


def _group(document: Schema) -> Iterator[tuple[str, str, list[Schema]]]:
    """Yield each tag with its description and operations; those without a tag come last."""
    operations = [
        {**operation, "method": method.upper(), "path": path}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for tag in document["tags"]:
        yield tag["name"], tag["description"], [one for one in operations if tag["name"] in one["tags"][:1]]
    if rest := [one for one in operations if not one["tags"]]:
        yield "other", "", rest


def _name(schema: Schema) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
