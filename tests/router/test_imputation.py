"""Outcomes read off from what known strategies did."""

import numpy as np
import pytest

from router.cold_start.imputation import Asked, Table, impute_table


def draw_table(tasks: int, *, seed: int) -> tuple[Table, np.ndarray]:
    """Eight known strategies of different skill on tasks of different difficulty; the true chances of a ninth."""
    generator = np.random.default_rng(seed)
    difficulty = generator.normal(size=tasks)
    skill = np.linspace(-1, 1, 8)
    chance = 1 / (1 + np.exp(-3 * (skill - difficulty[:, np.newaxis])))
    words = np.exp(4 + 0.5 * difficulty[:, np.newaxis] + generator.normal(0, 0.1, (tasks, 8)))
    return Table((generator.random((tasks, 8)) < chance).astype(float), words), 1 / (1 + np.exp(3 * difficulty))


def ask(count: int, tasks: int) -> Asked:
    """Tasks all of one kind."""
    return Asked(np.arange(0, tasks, tasks // count)[:count], np.zeros((tasks, 1), dtype=np.intp))


def test_imputed_outcomes_are_nearer_the_truth_than_the_probes_mean() -> None:
    known, chance = draw_table(2000, seed=0)
    generator, asked = np.random.default_rng(1), ask(200, 2000)
    answers = (generator.random(200) < chance[asked.rows]).astype(float)[:, np.newaxis]
    imputed = impute_table(known, asked, Table(answers, known.cost[asked.rows, :1])).correct[:, 0]
    assert ((imputed >= 0) & (imputed <= 1)).all()
    assert np.square(imputed - chance).mean() < 0.3 * np.square(answers.mean() - chance).mean()


def test_lucky_probes_do_not_make_a_strategy_better() -> None:
    known, chance = draw_table(2000, seed=2)
    easier = (0.2 + chance) / (0.2 + chance).sum()
    rows = np.sort(np.random.default_rng(3).choice(2000, 200, replace=False, p=easier))  # easier than tasks are
    asked = Asked(rows, np.zeros((2000, 1), dtype=np.intp))
    answers = Table((chance[rows] > 0.5).astype(float)[:, np.newaxis], known.cost[rows, :1])
    imputed = impute_table(known, asked, answers).correct.mean()
    truth = (chance > 0.5).mean()
    assert answers.correct.mean() - truth > 0.1
    assert abs(imputed - truth) < 0.5 * abs(answers.correct.mean() - truth)


def test_costs_follow_the_known_strategies_and_their_total_on_the_probes_is_right() -> None:
    known, _ = draw_table(500, seed=4)
    asked = ask(100, 500)
    cost = 7 * known.cost[:, :1]
    imputed = impute_table(known, asked, Table(np.ones((100, 1)), cost[asked.rows])).cost
    assert imputed[asked.rows].sum() == pytest.approx(cost[asked.rows].sum())
    assert np.corrcoef(np.log(imputed[:, 0]), np.log(cost[:, 0]))[0, 1] > 0.9


def test_a_column_depends_on_its_own_answers_only() -> None:
    known, _ = draw_table(300, seed=5)
    asked = ask(60, 300)
    answers = Table(known.correct[asked.rows][:, :3], known.cost[asked.rows][:, :3])
    together = impute_table(known, asked, answers)
    alone = impute_table(known, asked, Table(answers.correct[:, 1:2], answers.cost[:, 1:2]))
    assert np.allclose(together.correct[:, 1], alone.correct[:, 0])
    assert np.allclose(together.cost[:, 1], alone.cost[:, 0])


def test_free_answers_have_a_logarithm() -> None:
    known, _ = draw_table(300, seed=6)
    asked = ask(60, 300)
    imputed = impute_table(known, asked, Table(np.zeros((60, 1)), np.zeros((60, 1))))
    assert np.isfinite(imputed.cost).all()
    assert imputed.correct.mean() < 0.1 * known.correct.mean()


def test_what_is_special_about_a_kind_of_task_is_imputed_there_only() -> None:
    """The known strategies toss coins; the new one is always right on one kind and never on the other."""
    coins = np.random.default_rng(7).random((400, 4)).round()
    kind = np.repeat([0, 1], 200)
    rows = np.arange(0, 400, 4)
    asked = Asked(rows, np.stack((kind, np.zeros(400, dtype=np.intp)), axis=1))
    answers = Table(kind[rows, np.newaxis].astype(float), np.exp(kind[rows, np.newaxis]))
    imputed = impute_table(Table(coins, 1 + coins), asked, answers)
    assert imputed.correct[kind == 1].mean() - imputed.correct[kind == 0].mean() > 0.4
    assert imputed.cost[kind == 1].mean() > 2 * imputed.cost[kind == 0].mean()
