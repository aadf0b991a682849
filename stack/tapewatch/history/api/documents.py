"""The OpenAPI page: plain HTML, made here, that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, NamedTuple

__all__ = ["Document", "document"]


class Document(NamedTuple):
    """A page.

    Parameters:
        text: its HTML.
        policy: its Content-Security-Policy: nothing but its own style sheet.
    """

    text: str
    policy: str


def document(api: Mapping[str, Any]) -> Document:
    """The page of an API.

    Parameters:
        api: as OpenAPI 3.1 describes it.
    """
    info = api["info"]
    calls = "".join(
        _call(api, path, method, call) for path, found in api["paths"].items() for method, call in found.items()
    )
    body = (
        f"<h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"{_paragraphs(info.get('description', ''))}"
        '<p>For programs: <a href="/openapi.json">openapi.json</a>. <a href="/">To the live page.</a></p>'
        f"{calls}"
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return Document(text, f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'")


def _call(api: Mapping[str, Any], path: str, method: str, call: Mapping[str, Any]) -> str:
    name = call["operationId"]
    parts = [
        f'<details id="{escape(name)}"><summary><b class="{method}">{method.upper()}</b> <code>{escape(path)}</code> '
        f"{escape(_first(call))}</summary>",
        _paragraphs(call.get("description", "")),
        _parameters(call.get("parameters", ())),
    ]
    for kind, content in call.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<h3>Body <code>{escape(kind)}</code></h3>{_schema(api, content.get('schema', {}))}")
    parts.append("<h3>Answers</h3><table><tbody>")
    for status, answer in call["responses"].items():
        # Errors have one shape, which the text at the top tells.
        kinds = answer.get("content", {}) if status.startswith("2") else {}
        shown = "".join(
            f"<code>{escape(kind)}</code>{_schema(api, content.get('schema', {}))}" for kind, content in kinds.items()
        )
        parts.append(
            f"<tr><th>{escape(status)}</th><td>{escape(answer.get('description', ''))}</td><td>{shown}</td></tr>"
        )
    return "".join(parts) + "</tbody></table></details>"


def _first(call: Mapping[str, Any]) -> str:
    return str(call.get("description", "")).partition(".")[0].replace("\n", " ")


def _parameters(parameters: Any) -> str:
    rows = "".join(
        f"<tr><th><code>{escape(each['name'])}</code></th><td>{escape(each['in'])}</td>"
        f"<td><pre>{escape(json.dumps(each.get('schema', {}), indent=1))}</pre></td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in parameters
    )
    return f"<h3>Parameters</h3><table><tbody>{rows}</tbody></table>" if rows else ""


def _schema(api: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    shown = json.dumps(_resolved(api, schema, ()), indent=1, ensure_ascii=False)
    return f"<details><summary>schema</summary><pre>{escape(shown)}</pre></details>"


def _resolved(api: Mapping[str, Any], schema: Any, inside: tuple[str, ...]) -> Any:
    """A schema with what it refers to in its place."""
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference not in inside:
            name = reference.rpartition("/")[2]
            return _resolved(api, api["components"]["schemas"][name], (*inside, reference))
        return {key: _resolved(api, value, inside) for key, value in schema.items()}
    if isinstance(schema, list):
        return [_resolved(api, each, inside) for each in schema]
    return schema


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part)}</p>" for part in _blocks(text))


def _blocks(text: str) -> Iterator[str]:
    yield from (" ".join(part.split()) for part in text.split("\n\n") if part.strip())


_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:60rem;margin:auto;padding:1rem}
details{border-bottom:1px solid #8884;padding:.4rem 0}
summary{cursor:pointer}
summary b{display:inline-block;min-width:3.2rem}
.post{color:#a60}.get{color:#080}
@media(prefers-color-scheme:dark){.post{color:#fb6}.get{color:#7d7}}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}
pre{overflow:auto;max-height:30rem;font-size:.85rem}
small{font-weight:normal;opacity:.7}
"""
