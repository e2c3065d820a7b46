"""Loaders on tiny tables made here."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.datasets.embedllm import parameters_billion
from bench.datasets.errors import DatasetError
from bench.datasets.registry import list_files, read_file, read_folder
from bench.datasets.shipped import read_shipped_recording
from bench.decision_inputs import read_tables


def long_form(queries: int = 4, strategies: Sequence[str] = ("cheap", "dear"), **columns: Any) -> pd.DataFrame:
    """Each query by each strategy: `dear` is always right, `cheap` on even queries."""
    rows = [(query, strategy) for query in range(queries) for strategy in strategies]
    frame = pd.DataFrame(
        {
            "dataset": "tiny",
            "query_id": [f"q{query}" for query, _ in rows],
            "query_text": [f"text {query}" for query, _ in rows],
            "strategy": [strategy for _, strategy in rows],
            "correct": [1.0 if strategy == "dear" or query % 2 == 0 else 0.0 for query, strategy in rows],
            "input_tokens": 10,
            "output_tokens": 20,
            "cost": [3.0 if strategy == "dear" else 1.0 for _, strategy in rows],
            "task_category": [f"kind {query % 2}" for query, _ in rows],
        }
    )
    return frame.assign(**columns)


def store(frame: pd.DataFrame, folder: Path, name: str = "mine") -> Path:
    path = folder / f"{name}.parquet"
    frame.to_parquet(path)
    return path


def test_a_long_form_table_becomes_arrays(tmp_path: Path) -> None:
    table = read_file(store(long_form().sample(frac=1, random_state=1), tmp_path))
    assert (table.name, list(table.strategies), list(table.texts)) == (
        "mine",
        ["cheap", "dear"],
        ["text 0", "text 1", "text 2", "text 3"],
    )
    assert table.correct.tolist() == [[1, 1], [0, 1], [1, 1], [0, 1]]
    assert table.cost.tolist() == [[1, 3]] * 4
    assert table.category.tolist() == ["kind 0", "kind 1"] * 2
    assert table.output_tokens.tolist() == [[20, 20]] * 4


def test_what_was_not_measured_is_nan_and_leaves_a_complete_table(tmp_path: Path) -> None:
    frame = pd.concat(
        (long_form(20), long_form(20, ["rare"]).assign(correct=1.0, cost=2.0).iloc[:3]), ignore_index=True
    ).iloc[1:]
    table = read_file(store(frame, tmp_path))
    assert np.isnan(table.correct[0, 0])
    assert np.isnan(table.cost).sum() == 1 + 17
    complete = table.complete()
    assert list(complete.strategies) == ["cheap", "dear"]
    assert len(complete) == 19
    assert np.isfinite(complete.correct).all()
    assert len(complete.notes) == 2


def test_estimated_costs_are_read_where_none_was_measured_and_said_to_be(tmp_path: Path) -> None:
    table = read_file(store(long_form(cost=np.nan, est_cost_usd=0.5), tmp_path))
    assert (table.cost == 0.5).all()
    assert any("estimate" in note for note in table.notes)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (long_form().drop(columns="strategy"), "no column strategy"),
        (long_form(cost=np.nan), "neither cost nor est_cost_usd"),
        (long_form(correct=2.0), "outside 0..1"),
        (pd.concat((long_form(), long_form())), "more than one outcome"),
        (long_form(correct="yes"), "correct of .* is not a number: yes"),
        (long_form(cost="3 USD"), "cost of .* is not a number: 3 USD"),
        (long_form(cost=-1.0), "strategy cheap has a cost below 0: -1"),
        (long_form(strategy=["cheap", None] * 4), "rows without a strategy: 4 of 8"),
        (long_form(query_id=None), "rows without a query_id: 8 of 8"),
        (long_form(query_text=[f"text {row}" for row in range(8)]), "q0 has more than one text"),
        (long_form(query_text=" "), "no row has a text"),
    ],
)
def test_an_unusable_table_is_refused(frame: pd.DataFrame, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=complaint):
        read_file(store(frame, tmp_path))


def test_a_pool_of_one_strategy_can_not_be_routed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="needs two strategies"):
        read_file(store(long_form(strategies=["only"]), tmp_path)).complete()


def test_costs_of_nothing_can_not_be_routed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="every cost is 0"):
        read_file(store(long_form(12, cost=0.0), tmp_path)).complete()


def test_too_few_distinct_texts_can_not_be_split(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"mine: 1 distinct texts or groups .* at least 10"):
        read_file(store(long_form(40, query_text="the same"), tmp_path)).complete()


@pytest.mark.parametrize("name", ["mine.parquet", "mmlu_pro.parquet", "mine.csv"])
@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b'\x00\xff,\n"'])
def test_a_file_that_can_not_be_opened_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=rf"{name} (can not be read|has n)"):
        read_file(tmp_path / name)


def test_a_path_that_is_no_folder_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", store(long_form(), tmp_path)):
        with pytest.raises(DatasetError, match=f"{path.name} is not a folder"):
            list_files(path)


def test_a_bench_refuses_a_bad_table_before_it_measures_a_good_one(tmp_path: Path) -> None:
    store(long_form(20), tmp_path, "good")
    (tmp_path / "late.parquet").write_bytes(b"PAR1 and no more")
    arguments = argparse.Namespace(data=tmp_path, datasets=[], queries=None, strategies=None)
    with pytest.raises(SystemExit, match=r"late.parquet can not be read"):
        next(iter(read_tables(arguments)))


def test_a_folder_with_a_pickle_is_refused_and_never_opened(tmp_path: Path) -> None:
    (tmp_path / "routerbench_0shot.pkl").write_bytes(b"not even a pickle")
    with pytest.raises(DatasetError, match="is a pickle"):
        list_files(tmp_path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    store(long_form(), tmp_path)
    assert [table.name for table in read_folder(tmp_path)] == ["mine"]
    with pytest.raises(DatasetError, match="no table absent"):
        list_files(tmp_path, names=["absent"])


def test_coderouterbench_drops_broken_families_and_queries_without_text(tmp_path: Path) -> None:
    frame = long_form(6, est_cost_usd=9.0)
    frame["family_all_zero"] = frame["query_id"] == "q1"
    frame.loc[frame["query_id"] == "q2", "query_text"] = None
    table = read_file(store(frame, tmp_path, "coderouterbench_id"))
    assert list(table.texts) == ["text 0", "text 3", "text 4", "text 5"]
    assert (table.cost == 9.0).all()


def test_kor_bench_is_grouped_by_rule(tmp_path: Path) -> None:
    frame = long_form(6)
    frame["rule_id"] = frame["query_id"].map({f"q{n}": str(n // 4) for n in range(6)})
    groups = read_file(store(frame, tmp_path, "kor_bench")).groups
    assert groups[0] == groups[2] != groups[4]
    assert groups[0] != groups[1]  # the same rule number in another category


def test_zeroeval_keeps_the_models_that_answered_everything(tmp_path: Path) -> None:
    frame = long_form(4, ["cheap", "dear", "partly"])
    frame["in_full_matrix"] = frame["strategy"] != "partly"
    assert list(read_file(store(frame, tmp_path, "zeroeval_gsm_math_crux")).strategies) == ["cheap", "dear"]


def test_llmrouter_costs_a_mean_list_price(tmp_path: Path) -> None:
    frame = long_form(cost=np.nan, list_price_in_usd_per_mtok=0.2, list_price_out_usd_per_mtok=0.6)
    assert read_file(store(frame, tmp_path, "llmrouter_default")).cost == pytest.approx(np.full((4, 2), 0.4))


def test_theoremqa_costs_tokens_at_list_prices(tmp_path: Path) -> None:
    frame = long_form(cost=np.nan, est_output_tokens=100)
    frame["model"] = frame["strategy"].map({"cheap": "ChatGPT", "dear": "vicuna"})
    table = read_file(store(frame, tmp_path, "theoremqa"))
    assert list(table.strategies) == ["cheap"]
    assert table.cost[0, 0] == pytest.approx((len("text 0") / 4 * 1.5 + 100 * 2.0) / 1e6)


def test_mmlu_pro_reads_its_estimates(tmp_path: Path) -> None:
    assert (read_file(store(long_form(est_cost_usd=0.25), tmp_path, "mmlu_pro")).cost == 0.25).all()


def test_a_routerbench_dump_has_one_row_a_query(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "sample_id": ["a.1", "b.2"],
            "prompt": ["one", "two"],
            "eval_name": ["grade.val", "mmlu"],
            "m/x": [1.0, 0.0],
            "m/x|model_response": ["", ""],
            "m/x|total_cost": [0.1, 0.2],
            "m/y": [0.5, 1.0],
            "m/y|total_cost": [0.3, 0.4],
            "oracle_model_to_route_to": ["m/x", "m/y"],
        }
    )
    frame.to_csv(tmp_path / "routerbench_0shot.csv", index=False)
    table = read_file(tmp_path / "routerbench_0shot.csv")
    assert list(table.strategies) == ["m/x", "m/y"]
    assert table.correct.tolist() == [[1, 0.5], [0, 1]]
    assert table.cost.tolist() == [[0.1, 0.3], [0.2, 0.4]]
    assert table.category.tolist() == ["grade", "mmlu"]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"m/x": [7.0, 0.0]}, "strategy m/x has a correctness outside 0..1: 7"),
        ({"m/x|total_cost": ["a", "b"]}, "m/x|total_cost of a.1 is not a number"),
        ({"m/x": None}, "no column m/x"),
    ],
)
def test_a_dump_that_says_nonsense_is_refused(changed: dict[str, Any], complaint: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"sample_id": ["a.1", "b.2"], "prompt": ["one", None], "eval_name": ["grade.val", "mmlu"]})
    frame = frame.assign(**{"m/x": [1.0, 0.0], "m/x|total_cost": [0.1, 0.2], "m/y": 1.0, "m/y|total_cost": 0.3})
    frame.to_csv(tmp_path / "fine.csv", index=False)
    assert list(read_file(tmp_path / "fine.csv").texts) == ["one"]  # of two prompts
    wrong = frame.drop(columns=[name for name, values in changed.items() if values is None])
    wrong.assign(**{name: values for name, values in changed.items() if values}).to_csv(tmp_path / "wrong.csv")
    with pytest.raises(DatasetError, match=complaint.replace("|", r"\|")):
        read_file(tmp_path / "wrong.csv")


def test_an_embedllm_dump_costs_parameters(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "prompt_id": [0, 0, 1, 1],
            "model_id": [0, 1, 0, 1],
            "category_id": 0,
            "label": [1, 0, 1, 1],
            "prompt": ["one", "one", "two", "two"],
            "model_name": ["a-7B-chat", "b_13b", "a-7B-chat", "b_13b"],
            "category": "law",
        }
    )
    frame.to_csv(tmp_path / "train.csv", index=False)
    table = read_file(tmp_path / "train.csv")
    assert table.correct.tolist() == [[1, 0], [1, 1]]
    assert table.cost.tolist() == [[7, 13]] * 2


@pytest.mark.parametrize(
    ("model", "size"),
    [("Mixtral-8x7B-Instruct", 56.0), ("phi-1.5B", 1.5), ("zephyr-beta", np.nan), ("x-7billion", np.nan)],
)
def test_the_size_of_a_model_is_read_from_its_name(model: str, size: float) -> None:
    assert parameters_billion(model) == pytest.approx(size, nan_ok=True)


def test_a_sprout_dump_costs_tokens_at_list_prices(tmp_path: Path) -> None:
    cell = {"response": "r", "score": 0.5, "num_input_tokens": 100, "num_output_tokens": 10}
    frame = pd.DataFrame(
        {
            "key": ["1"],
            "dataset": ["math"],
            "dataset_level": [""],
            "dataset_idx": [0],
            "prompt": ["one"],
            "golden_answer": ["1"],
            "openai-gpt-4o": [cell],
            "openai-gpt-4o-mini": [None],
        }
    )
    frame.to_parquet(tmp_path / "sprout.parquet")
    table = read_file(tmp_path / "sprout.parquet")
    assert table.correct[0, 0] == 0.5
    assert table.cost[0, 0] == pytest.approx((100 * 2.5 + 10 * 10) / 1e6)
    assert np.isnan(table.cost[0, 1])


def test_the_shipped_recording_is_an_outcome_table() -> None:
    table = read_shipped_recording().complete()
    assert len(table.strategies) >= 5
    assert len(table) > 300
    assert set(np.unique(table.correct)) <= {0.0, 1.0}


def test_thinning_keeps_the_cheapest_the_best_and_whole_groups(tmp_path: Path) -> None:
    names = [f"s{n}" for n in range(9)]
    frame = long_form(30, names)
    frame["cost"] = frame["strategy"].map({name: 1.0 + place for place, name in enumerate(names)})
    frame["correct"] = (frame["strategy"] == "s3").astype(float)
    table = read_file(store(frame, tmp_path))
    thin = table.thin(queries=10, strategies=4)
    assert len(thin) == 10
    assert len(thin.strategies) == 4
    assert {"s0", "s3", "s8"} <= set(thin.strategies)
    assert table.thin(queries=None, strategies=None) is table
