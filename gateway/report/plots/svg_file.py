"""Plots as files of their own, which no page gives its colours to."""

import re
from importlib.resources import files

_VARIABLE = re.compile(r"var\((--\w+)\)")
_COLOUR = re.compile(r"(--\w+): (#\w+);")


def as_file(svg: str) -> str:
    """The plot in the page's light colours, on its paper, for viewers that know of no page."""
    css = files("gateway.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    light = dict(_COLOUR.findall(css[: css.index("@media")]))
    head, rest = svg[: svg.index(">") + 1], svg[svg.index(">") + 1 :]
    paper = '<rect x="0" y="0" width="100%" height="100%" fill="var(--paper)"/>'
    return _VARIABLE.sub(lambda match: light[match.group(1)], f"{head}{paper}{rest}")
