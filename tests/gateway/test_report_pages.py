"""The report as a page and in a terminal: whole, self-contained, and at home in odd jobs too."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rich.console import Console

from gateway.report.html import render_html
from gateway.report.terminal import print_report
from gateway.report.values import JobReport, TaskCounts

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Outline(HTMLParser):
    """Checks that elements nest, and gathers what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "xlink:href", "src", "srcset", "action", "data"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline_of(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    assert outline.open == []
    return outline


def test_the_page_nests_and_loads_nothing(report: JobReport) -> None:
    page = render_html(report)
    outline = outline_of(page)
    assert all(reference.startswith("#") for reference in outline.references)
    assert re.findall(r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", page) == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {reference.removeprefix("#") for reference in outline.references} <= set(outline.ids)


def test_the_page_shows_every_decision_and_plot(report: JobReport) -> None:
    page = render_html(report)
    assert all(f">{row.custom_id}</th>" in page for row in report.decisions)
    for name in ("frontier", "mix", "spend", "accuracy", "cost"):
        assert f'aria-labelledby="{name}-title {name}-desc"' in page
    assert "43.8%" in page
    assert "run `apportion calibrate`" in page


def test_plots_take_the_pages_colours(report: JobReport) -> None:
    page = render_html(report)
    assert re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", page) == []
    assert "var(--ink)" in page
    assert "var(--s6)" in page


def test_prompts_and_names_can_not_break_out(report: JobReport) -> None:
    evil = "</script><script>alert(1)</script>"
    row = replace(report.decisions[0], prompt=evil, answer=evil, custom_id=evil)
    strategies = (replace(report.strategies[0], name=evil), *report.strategies[1:])
    page = render_html(replace(report, decisions=(row,), strategies=strategies, job_file=evil, spend=()))
    assert "alert(1)</script>" not in page
    assert page.count("<script>") == 1
    outline_of(page)


def odd_jobs(report: JobReport) -> dict[str, JobReport]:
    nothing = TaskCounts(
        total=240, answered=0, shared=0, failed=0, beyond_budget=0, not_eligible=0, cancelled=0, waiting=240, graded=0
    )
    blank = replace(
        report,
        tasks=nothing,
        observed_accuracy=None,
        frontier=(),
        spend=(),
        accuracy_bins=(),
        cost_pairs=(),
        examples=(),
        decisions=(),
        strategies=tuple(replace(s, tasks=0, cost_quanta=0, observed_accuracy=None) for s in report.strategies),
        budget=replace(report.budget, spent_quanta=0),
    )
    return {
        "nothing ran": blank,
        "no cap": replace(report, budget=replace(report.budget, cap_quanta=None)),
        "a weight": replace(report, plan=replace(report.plan, upper_bound=None, shadow_price=None)),
        "burned": replace(report, budget=replace(report.budget, burned_quanta=5 * 10**10, overrun_quanta=3)),
        "one strategy": replace(report, strategies=report.strategies[:1], frontier=report.frontier[:1]),
        "partial grades": replace(report, decisions=(replace(report.decisions[0], grade=0.5, strategy=None),)),
    }


ODD = ["nothing ran", "no cap", "a weight", "burned", "one strategy", "partial grades"]


@pytest.mark.parametrize("name", ODD)
def test_odd_jobs_have_a_page(report: JobReport, name: str) -> None:
    outline_of(render_html(odd_jobs(report)[name]))


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(report: JobReport, width: int) -> None:
    console = Console(width=width, file=io.StringIO(), record=True)
    print_report(console, report)
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= width
    for part in ("43.8% of 240", "6.57e12 of 7.40e12 FLOPs", "vote-5 for every task: saves 67%", "◆ planned"):
        assert part in text


@pytest.mark.parametrize("name", ODD)
def test_odd_jobs_print(report: JobReport, name: str) -> None:
    console = Console(width=80, file=io.StringIO(), record=True)
    print_report(console, odd_jobs(report)[name])
    assert "job 7" in console.export_text()


def test_an_ascii_terminal_gets_no_braille(report: JobReport) -> None:
    raw = io.BytesIO()
    console = Console(width=80, file=io.TextIOWrapper(raw, encoding="ascii", errors="replace"))
    print_report(console, report)
    console.file.flush()
    assert b"What a budget can buy" not in raw.getvalue()
    assert b"Where the tasks went" in raw.getvalue()
