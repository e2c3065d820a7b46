"""What the encoder bench compares and counts, without the packages it compares."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.decision_summary import DatasetResult
from bench.encoder_candidates import CANDIDATES, DEFAULT, REMEDY, Candidate, open_candidates
from bench.encoder_conversion import make_once
from bench.encoder_quality import average_differences, compare_with_goals, measure_encoders, read_part
from bench.encoder_speed import FEATURES_ALONE, compare_vectors, measure_drift, pick_evenly, time_encoders
from bench.encoders import format_choice
from bench.paired_bootstrap import Interval, average_intervals
from bench.splits import split_by_group
from router.baselines.outcomes import Estimates, Outcomes, Predict, Tasks
from tests.bench.made_tables import make_table
from worker.encoder import EncodeProgress, SentenceEncoder

FloatArray = NDArray[np.float32]

FASTER = "faster"


class LengthEncoder(SentenceEncoder):
    """A stand-in whose vectors are the text's length and, where company counts, how many texts came together."""

    dimension = 2

    def __init__(self, *, company: bool = False) -> None:
        self.name, self._company = "fake@1", company

    def encode(self, texts: Sequence[str], *, progress: EncodeProgress | None = None) -> FloatArray:
        del progress
        return np.array([[len(text), len(texts) if self._company else 1] for text in texts], dtype=np.float32)


@pytest.fixture(scope="module")
def result() -> DatasetResult:
    """A default whose vectors say nothing beside a faster encoder whose vectors tell the kinds."""
    even = np.arange(160) % 2 == 0
    table = make_table(
        np.column_stack((~even, even)).astype(np.float64), category=np.where(even, "even", "odd")
    )  # each strategy is right on its kind
    noise = np.random.default_rng(0).normal(scale=0.3, size=(len(table), 9)).astype(np.float32)
    telling = noise[:, 4:].copy()
    telling[:, 0] += np.where(table.category == "even", 1, -1)
    vectors = {DEFAULT: noise[:, :4], FASTER: telling, FEATURES_ALONE: noise[:, :0]}
    return measure_encoders(table, vectors, [split_by_group(table.groups, seed=0)], mean_costs=False)


def test_each_encoder_is_judged_by_its_own_vectors(result: DatasetResult) -> None:
    default, faster, features = result.summaries.values()
    assert faster.area > default.area + 0.2
    assert features.area == pytest.approx(default.area, abs=0.15)
    assert default.area_behind is None
    assert average_differences([result], FASTER).area.high < 0
    assert average_differences([result], FASTER).brier.high < 0


def test_a_default_behind_a_faster_encoder_misses_the_goal_and_a_slower_one_does_not_count(
    result: DatasetResult,
) -> None:
    figures = compare_with_goals([result], {DEFAULT: 10.0, FASTER: 1000.0})
    assert [figure.name for figure in figures if not figure.met] == [
        f"default's mean area less: {FASTER}",
        "no faster encoder decides better",
    ]
    assert all(figure.met for figure in compare_with_goals([result], {DEFAULT: 10.0, FASTER: 9.0}))


def test_the_table_of_the_choice_has_a_row_for_each_encoder(result: DatasetResult) -> None:
    table = format_choice([result], {DEFAULT: 10.0, FASTER: 1000.0, FEATURES_ALONE: 5000.0})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [row[:3] for row in rows] == [
        [DEFAULT, "10", "1.0"],
        [FASTER, "1,000", "100.0"],
        [FEATURES_ALONE, "5,000", "500.0"],
    ]
    assert rows[0][4] == ""
    assert rows[1][4].startswith(f"{average_differences([result], FASTER).area.mean:+.4f} (")


def test_a_part_of_the_columns_is_all_that_a_method_sees() -> None:
    seen = []

    def fit(train: Outcomes, validation: Outcomes, seed: int) -> Predict:
        del validation, seed
        seen.append(train.embeddings)
        return lambda tasks: Estimates(tasks.embeddings.astype(np.float64), np.zeros((len(tasks.embeddings), 1)))

    vectors, none = np.arange(12, dtype=np.float32).reshape(3, 4), np.empty((3, 0), dtype=np.float32)
    labels, cells = np.array(["a"] * 3), np.ones((3, 1))
    outcomes = Outcomes(vectors, none, labels, cells, cells)
    estimates = read_part(fit, slice(1, 3))(outcomes, outcomes, 0)(Tasks(vectors, none, labels))
    assert seen[0].tolist() == estimates.accuracy.tolist() == [[1, 2], [5, 6], [9, 10]]


def test_the_mean_of_two_differences_is_surer_than_either() -> None:
    mean = average_intervals([Interval(0.1, 0.07, 0.16), Interval(0.3, 0.26, 0.38)])
    assert mean == pytest.approx((0.2, 0.2 - 0.05 / 2, 0.2 + 0.1 / 2))


def test_vectors_of_another_dimension_are_compared_by_their_similarities() -> None:
    default = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    turned = default[:, ::-1].copy()
    assert compare_vectors(2 * default, default) == pytest.approx((1, 1))
    agreement = compare_vectors(turned, default)
    assert agreement.cosine < 0.5
    assert agreement.similarity == pytest.approx(1)
    assert np.isnan(compare_vectors(default[:, :4], default).cosine)
    assert 0.3 < compare_vectors(default[:, :4], default).similarity < 1
    assert np.isnan(compare_vectors(default[:, :0], default)).all()


def test_drift_is_what_company_does_to_a_vector() -> None:
    texts = ["one", "three", "seventeen"]
    assert measure_drift(Candidate(LengthEncoder(), []), texts) == pytest.approx(0)
    assert measure_drift(Candidate(LengthEncoder(company=True), []), texts) > 0.01


def test_throughput_has_the_features_beside_every_encoder() -> None:
    speeds = time_encoders({DEFAULT: Candidate(LengthEncoder(), [])}, 50 * ["What is 2 + 2?"])
    assert list(speeds) == [DEFAULT, FEATURES_ALONE]
    assert min(speeds.values()) > 0


def test_timed_texts_are_spread_over_the_set() -> None:
    texts = [str(number) for number in range(10)]
    assert pick_evenly(texts, 4) == ["0", "3", "6", "9"]
    assert pick_evenly(texts, 20) == texts


def test_an_encoder_that_is_not_installed_is_named_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def open_missing(cache: Path) -> Candidate:
        raise ModuleNotFoundError(f"nothing in {cache}", name="some_encoder")

    monkeypatch.setitem(CANDIDATES, "missing", open_missing)
    assert list(open_candidates([DEFAULT, "missing"], cache=tmp_path)) == [DEFAULT]
    assert f"missing is left out, some_encoder is not installed: {REMEDY}" in capsys.readouterr().err


def test_the_remedy_installs_pinned_packages() -> None:
    project = tomllib.loads((Path(__file__).parent.parent.parent / "pyproject.toml").read_text())["project"]
    assert "[bench-encoders]" in REMEDY
    assert all("==" in requirement for requirement in project["optional-dependencies"]["bench-encoders"])


def test_what_is_made_once_is_whole_or_not_there(tmp_path: Path) -> None:
    made = []

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    def write(path: Path) -> None:
        made.append(path.write_text("whole"))

    target = tmp_path / "below" / "model"
    with pytest.raises(OSError, match="disk full"):
        make_once(target, fail)
    assert list(target.parent.iterdir()) == []
    assert [make_once(target, write).read_text() for _ in range(2)] == ["whole", "whole"]
    assert len(made) == 1
