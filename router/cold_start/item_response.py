"""An item response model: tasks have difficulty and discrimination, a strategy has an ability.

After RADAR (arXiv 2509.25426): log-odds of a right answer = discrimination(task) . ability(strategy) + easiness(task).
Both are linear in the task's embedding and learned from the strategies already known; a new strategy's ability is then
a handful of numbers, which few probes determine.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from router.cold_start.placement import DoubleArray, FloatArray, Predict, Probes
from router.platt import sigmoid

ABILITIES = 4
STEPS, LEARNING_RATE = 300, 0.02
SLOPE_PRECISION, ABILITY_PRECISION = 3.0, 1.0  # Gaussian priors; a weaker one on slopes learns the tasks by heart
NEWTON_STEPS, HALVINGS = 25, 30
LEAST_VARIANCE = 0.05  # of an ability's prior, where the known strategies hardly differ


class Line(NamedTuple):
    """Log-odds of a right answer = weight . vector + bias."""

    weight: DoubleArray  # (d,)
    bias: float


class ItemResponse:
    """Tasks' parameters as linear maps of the embedding, and the prior of a strategy's ability."""

    def __init__(self, *, slope: DoubleArray, level: DoubleArray, center: FloatArray, abilities: DoubleArray) -> None:
        self._slope, self._level, self._center = slope, level, center
        self.mean = abilities.mean(axis=0)  # (abilities,)
        self.variance = np.maximum(abilities.var(axis=0), LEAST_VARIANCE)

    def describe(self, embeddings: FloatArray) -> DoubleArray:
        """Discrimination of each task, then its easiness, (m, abilities + 1)."""
        return np.asarray((embeddings - self._center) @ self._slope + self._level)

    def place(self, given: Probes) -> Predict:
        """The most likely ability under its prior (a Gaussian of the known strategies'), by Newton's method."""
        line = self.draw_line(given)
        return lambda tasks: sigmoid(np.asarray(tasks @ line.weight + line.bias))

    def draw_line(self, given: Probes) -> Line:
        """A new strategy's log-odds, which are linear in the task's vector."""
        toward = np.append(self.estimate(given), 1.0)  # easiness counts once
        weight = self._slope @ toward
        return Line(weight, float(self._level @ toward - self._center @ weight))

    def estimate(self, given: Probes) -> DoubleArray:
        """A new strategy's ability (abilities,): the most likely one."""
        items, ability = self.describe(given.embeddings), self.mean.copy()
        design = items[:, :-1]
        for _ in range(NEWTON_STEPS):
            expected = sigmoid(_log_odds(items, ability))
            gradient = design.T @ (given.weight * (given.correct - expected)) - (ability - self.mean) / self.variance
            spread = (given.weight * expected * (1 - expected))[:, np.newaxis]
            step = np.linalg.solve(design.T @ (spread * design) + np.diag(1 / self.variance), gradient)
            ability = self._climb(items, given, ability, step)
        return np.asarray(ability)

    def _climb(self, items: DoubleArray, given: Probes, ability: DoubleArray, step: DoubleArray) -> DoubleArray:
        """As far along the step as makes the ability more likely: a whole one may overshoot where tasks decide much."""
        before = self._likelihood(items, given, ability)
        for _ in range(HALVINGS):
            after = ability + step
            if self._likelihood(items, given, after) >= before:
                return after
            step = step / 2
        return ability

    def _likelihood(self, items: DoubleArray, given: Probes, ability: DoubleArray) -> float:
        log_odds = _log_odds(items, ability)
        of_answers = given.weight @ (given.correct * log_odds - np.logaddexp(log_odds, 0))
        return float(of_answers - 0.5 * np.sum(np.square(ability - self.mean) / self.variance))

    def choose_informative(self, embeddings: FloatArray, given: Probes, *, count: int) -> NDArray[np.intp]:
        """The tasks (count,) that would say most about the ability: one after the other, by D-optimality."""
        items = self.describe(embeddings)
        design, expected = items[:, :-1], sigmoid(_log_odds(items, self.estimate(given)))
        past = self.describe(given.embeddings)[:, :-1]
        known = np.diag(1 / self.variance) + 0.25 * past.T @ past  # at most: the outcomes' spread is no larger
        scaled = design * np.sqrt(expected * (1 - expected))[:, np.newaxis]
        chosen: list[int] = []
        for _ in range(min(count, len(embeddings))):
            gain = np.einsum("md,dc,mc->m", scaled, np.linalg.inv(known), scaled)
            gain[chosen] = -np.inf
            chosen.append(int(np.argmax(gain)))
            known = known + np.outer(scaled[chosen[-1]], scaled[chosen[-1]])
        return np.array(chosen, dtype=np.intp)


def learn_item_response(embeddings: FloatArray, correct: DoubleArray, *, seed: int) -> ItemResponse:
    """Trained on past tasks (n, d) and what the known strategies did with them (n, strategies)."""
    center = embeddings.mean(axis=0)
    tasks, target = torch.from_numpy(embeddings - center), torch.from_numpy(correct.astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        slope = (0.1 * torch.randn(tasks.shape[1], ABILITIES + 1)).requires_grad_()
        level = torch.cat((torch.ones(1), torch.zeros(ABILITIES))).requires_grad_()  # the first is ability as such
        abilities = (0.3 * torch.randn(target.shape[1], ABILITIES)).requires_grad_()
    optimiser = torch.optim.Adam([slope, level, abilities], lr=LEARNING_RATE)
    for _ in range(STEPS):
        items = tasks @ slope + level
        log_odds = items[:, :-1] @ abilities.T + items[:, -1:]  # (n, strategies)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(log_odds, target)
        prior = SLOPE_PRECISION * slope.square().sum() / len(tasks)  # strategies on one task are no new evidence of it
        prior = prior + ABILITY_PRECISION * abilities.square().sum() / target.numel()
        optimiser.zero_grad()
        (loss + 0.5 * prior).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
    found = [part.detach().numpy().astype(np.float64) for part in (slope, level, abilities)]
    return ItemResponse(slope=found[0], level=found[1], center=center, abilities=found[2])


def _log_odds(items: DoubleArray, ability: DoubleArray) -> DoubleArray:
    return np.asarray(items[:, :-1] @ ability + items[:, -1])
