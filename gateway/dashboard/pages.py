"""Pages from templates: one way to render them, whole or in the parts that are renewed while one looks."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, JSONResponse, Response

from gateway.dashboard.forms import TOKEN_FIELD
from gateway.dashboard.visitor import find_visit, find_visits
from gateway.dashboard.visits import COOKIE
from gateway.report import amounts
from router.units import Unit

ASSETS = ("dashboard.css", "theme.js", "charts.js", "live.js", "uplot/uPlot.iife.min.js", "uplot/uPlot.min.css")


def make_pages() -> Environment:
    """The templates with the words and links that all of them use."""
    pages = Environment(
        loader=PackageLoader("gateway.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters.update(
        cost=lambda quanta, unit: amounts.say_cost(quanta, Unit(unit)),
        cost_of=lambda quanta, cap, unit: amounts.say_cost_of(quanta, cap, Unit(unit)),
        share=amounts.say_share,
        seconds=say_seconds,
        moment=say_moment,
        count="{:,}".format,
        chart_json=write_json,
    )
    pages.globals.update(assets={name: _fingerprint(name) for name in ASSETS}, TOKEN_FIELD=TOKEN_FIELD)
    for name in pages.list_templates():
        pages.get_template(name)  # compiled now, not under the first visitor's eyes
    return pages


def render_page(request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
    """A whole page; a browser that comes for the first time is given its visit."""
    reply = HTMLResponse(_render(request, template, values), status_code=status)
    set_visit(request, reply, visit=find_visit(request))
    return reply


def render_parts(request: Request, parts: Sequence[str], values: Mapping[str, Any], *, goes_on: bool) -> Response:
    """The parts of a page that change while one looks, by their name; `goes_on` says whether to ask again."""
    written = {part: _render(request, f"parts/{part}.html.j2", values) for part in parts}
    return JSONResponse({"parts": written, "goes_on": goes_on})


def set_visit(request: Request, reply: Response, *, visit: str) -> None:
    """Let the browser know its visit, for as long as it is open; no script and no other site gets to it."""
    path = f"{request.scope.get('root_path', '')}/"
    reply.set_cookie(COOKIE, visit, path=path, httponly=True, samesite="strict", secure=request.url.scheme == "https")


def write_json(value: object) -> Markup:
    """JSON that can stand in a page's script element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped


def say_moment(moment: datetime) -> Markup:
    """A moment to the second, in UTC, as an element that says so to machines too."""
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(), f"{utc:%Y-%m-%d %H:%M:%S}")


def say_seconds(seconds: float) -> str:
    """A duration, in milliseconds where it is very short."""
    return f"{1000 * seconds:.3g} ms" if 0 < seconds < 0.1 else amounts.say_seconds(seconds)


def _render(request: Request, template: str, values: Mapping[str, Any]) -> str:
    pages: Environment = request.app.state.pages
    own = {
        "base": request.scope.get("root_path", ""),
        "here": request.url.path,
        "form_token": find_visits(request).form_token(find_visit(request)),
        "visitor": getattr(request.state, "visitor", None),
    }
    return pages.get_template(template).render({**own, **values})


def _fingerprint(name: str) -> str:
    """A few digits of what a file holds: its address changes with it, so that browsers may keep it."""
    content = files("gateway.dashboard").joinpath("static", name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]
