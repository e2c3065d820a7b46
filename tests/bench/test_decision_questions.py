"""The parts of the decision benches that choose and count."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.cold_start import CONSTANT, FULL, divide_strategies, format_areas
from bench.decision_goals import compare_with_goals
from bench.decision_inputs import Embedded
from bench.decision_measure import measure
from bench.decision_plot import assign_colours, draw_results, plot_results
from bench.decision_summary import DatasetResult
from bench.decision_table import format_overview, format_result
from bench.out_of_distribution import choose_categories
from bench.per_task_budget import choose_within_caps
from bench.probe_designs import choose_adaptively
from bench.splits import split_by_group
from router.baselines.outcomes import Estimates
from router.baselines.registry import METHODS
from router.cold_start.item_response import learn_item_response
from tests.bench.made_tables import make_table


def embed_kinds(queries: int = 200) -> Embedded:
    """The cheap strategy is right on one kind, the dear one on the other and now and then on both."""
    generator = np.random.default_rng(0)
    right = np.arange(queries) % 2 == 0
    embeddings = generator.normal(scale=0.1, size=(queries, 6)).astype(np.float32)
    embeddings[:, 0] += np.where(right, 1, -1)
    correct = np.column_stack((~right, right | (generator.random(queries) < 0.3))).astype(np.float64)
    return Embedded(make_table(correct, category=np.where(right, "right", "left")), embeddings)


def run_bench() -> DatasetResult:
    given = embed_kinds()
    splits = [split_by_group(given.table.groups, seed=seed) for seed in range(2)]
    methods = {"apportion": METHODS["K-means"].fit} | {
        name: METHODS[name].fit for name in ("constant", "kNN", "oracle")
    }
    return measure(given, splits, methods, own="apportion", mean_costs=False)


def test_a_router_that_knows_the_kinds_beats_the_constant_and_not_the_oracle(tmp_path: Path) -> None:
    result = run_bench()
    own, constant, oracle = (result.summaries[name] for name in ("apportion", "constant", "oracle"))
    assert constant.area < own.area <= oracle.area
    assert constant.area_behind is not None
    assert constant.area_behind.low > 0
    assert own.area_behind is None
    assert own.brier < constant.brier
    assert own.share_to_best_single < 1
    assert own.spend_over_predicted == pytest.approx(1)
    figures = {figure.name: figure for figure in compare_with_goals([result])}
    assert figures["significantly above constant"].met
    assert figures["mean area over sets"].value == pytest.approx(own.area)
    text = format_result(result) + format_overview([result])
    assert "## made: 200 queries, 2 strategies" in text
    plot_results([result], path=tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_no_two_methods_look_alike_and_the_legend_is_on_the_page() -> None:
    colours = assign_colours(list(METHODS))
    assert len(set(colours.values())) == len(METHODS)
    result = run_bench()
    some = result.summaries["constant"]
    for panels in (1, 2, 3, 4):
        figure = draw_results([replace(result, summaries=dict.fromkeys(METHODS, some))] * panels)
        figure.draw_without_rendering()
        legend, page = figure.legends[0].get_window_extent(), figure.bbox
        assert len(figure.legends[0].get_texts()) == len(METHODS) + 2
        assert page.x0 <= legend.x0 < legend.x1 <= page.x1


def test_goals_need_our_own_method() -> None:
    result = run_bench()
    result = DatasetResult(
        table=result.table,
        best_single=result.best_single,
        cheapest=result.cheapest,
        summaries={name: summary for name, summary in result.summaries.items() if name != "apportion"},
    )
    assert compare_with_goals([result]) == []


def test_a_category_is_left_out_only_when_it_is_neither_tiny_nor_nearly_everything() -> None:
    category = np.array(["a"] * 80 + ["b"] * 70 + ["c"] * 10)
    assert choose_categories(category, most=5) == ["a", "b"]
    assert choose_categories(category, most=1) == ["a"]
    assert choose_categories(np.array(["all"] * 100), most=5) == []


def test_a_cap_a_task_takes_the_best_that_fits_or_the_cheapest() -> None:
    estimates = Estimates(
        np.array([[0.2, 0.9], [0.2, 0.9], [0.2, 0.9]]), np.array([[1.0, 3.0], [1.0, 5.0], [4.5, 5.0]])
    )
    assert choose_within_caps(estimates, 4.0).tolist() == [1, 0, 0]


def test_recovered_is_the_share_of_the_full_gain() -> None:
    text = format_areas({CONSTANT: 0.5, FULL: 0.6, "error vector, 200 probes": 0.58})
    assert "80%" in text
    assert "%" not in format_areas({CONSTANT: 0.5, FULL: 0.5})


def test_half_of_the_strategies_are_known_and_none_is_both() -> None:
    known, unseen = divide_strategies(9, seed=3)
    assert (len(known), len(unseen)) == (5, 4)
    assert sorted(known + unseen) == list(range(9))
    assert divide_strategies(9, seed=3) == (known, unseen)
    assert divide_strategies(9, seed=4) != (known, unseen)


def test_adaptive_probes_follow_the_answers_and_are_asked_once() -> None:
    given = embed_kinds(400)
    model = learn_item_response(given.embeddings, np.tile(given.table.correct, (1, 2)), seed=0)
    able, unable = (
        choose_adaptively(model, given.embeddings, np.full(400, grade), count=40, seed=0) for grade in (1.0, 0.0)
    )
    for probes in (able, unable):
        assert len(np.unique(probes.rows)) == len(probes.weight) == 40
        assert probes.weight.mean() == pytest.approx(1)
    assert able.rows[:20].tolist() == unable.rows[:20].tolist()
    assert set(able.rows[20:]) != set(unable.rows[20:])
