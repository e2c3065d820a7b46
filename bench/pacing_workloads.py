"""Long jobs and streams to pace a budget over: what was predicted, what it really costs, and when it arrives."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from router import Allocation, allocate

STRATEGIES = 8
QUANTA = 10_000  # the mean predicted cost of the cheapest strategy
WORST_TIMES = 4  # worst case per predicted cost
BUDGET_SHARE = 0.2  # of the range between all cheapest and all dearest
IN_FLIGHT = 256  # tasks that run at once
PLANS = 4  # until one costs the cap

Floats = NDArray[np.float64]
Amounts = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """Tasks in their order, with a budget."""

    name: str
    accuracy: NDArray[np.float32]  # (tasks, strategies)
    cost: Floats  # (tasks, strategies) predicted, whole quanta
    factor: Floats  # (tasks,) true cost per predicted cost, at most WORST_TIMES
    bias: float  # mean of the factor
    arrival: Floats  # (tasks,) ascending, 0 to 1: the time in the period
    cap: int
    in_flight: int = IN_FLIGHT

    def find_optimum(self) -> Allocation:
        """The most accurate plan for everything, made with all tasks known, whose true cost is just the cap.

        It knows how the true costs add up, so luck with them is no merit; not which task is lucky.
        """
        rows, planned = np.arange(len(self.factor)), self.cap / self.bias
        for _ in range(PLANS):
            best = allocate(self.accuracy, self.cost, planned)
            planned *= self.cap / float(self.cost[rows, best.choice] @ self.factor)
        return best


def make_stationary(tasks: int, seed: int) -> Workload:
    """Every task is drawn alike."""
    return _make("stationary", tasks, seed)


def make_hard_last(tasks: int, seed: int) -> Workload:
    """Sorted: the tasks on which the pool does best come first."""
    plain = _make("hard tasks last", tasks, seed)
    order = np.argsort(-plain.accuracy.mean(axis=1), kind="stable")
    return replace(plain, accuracy=plain.accuracy[order], cost=plain.cost[order], factor=plain.factor[order])


def make_drift(tasks: int, seed: int) -> Workload:
    """Tasks grow harder by two standard deviations and half as long again, evenly from first to last."""
    time = np.linspace(-1, 1, tasks)
    return _make("slow drift", tasks, seed, easier=-1.5 * time, longer=1.25**time)


def make_jumps(tasks: int, seed: int) -> Workload:
    """Five stretches of different difficulty and length."""
    stretch = np.arange(tasks) * 5 // tasks
    easier, longer = np.array([0.5, -1.0, 1.0, -0.5, 0.0]), np.array([1.0, 1.3, 0.8, 1.1, 0.9])
    return _make("jumps", tasks, seed, easier=easier[stretch], longer=longer[stretch])


def make_heavy_tails(tasks: int, seed: int) -> Workload:
    """A Pareto tail in how long tasks are, and true costs all over the place below their worst case."""
    tail = np.random.default_rng(seed + 1).pareto(1.8, tasks) + 0.3
    return _make("heavy tails", tasks, seed, longer=np.minimum(tail, 1000.0), noise=1.2)


def make_biased(tasks: int, seed: int) -> Workload:
    """Everything costs 30 % more than predicted."""
    return _make("costs 30 % above", tasks, seed, bias=1.3)


def make_bursts(tasks: int, seed: int) -> Workload:
    """Twenty bursts, each twenty times as dense as what lies between them."""
    plain = _make("bursts", tasks, seed)
    rng = np.random.default_rng(seed + 2)
    begins = np.sort(rng.random(20))
    edges = np.sort(np.concatenate([[0.0, 1.0], begins, np.minimum(begins + 0.01, 1.0)]))
    middle = (edges[:-1] + edges[1:]) / 2
    dense = ((middle[:, None] > begins) & (middle[:, None] < begins + 0.01)).any(axis=1)
    mass = np.append(0.0, (np.diff(edges) * np.where(dense, 20.0, 1.0)).cumsum())
    return replace(plain, arrival=np.interp(np.sort(rng.random(tasks)), mass / mass[-1], edges))


def make_delayed(tasks: int, seed: int) -> Workload:
    """A twentieth of the job runs at once, so that settlements come late."""
    return replace(_make("late settlements", tasks, seed), in_flight=tasks // 20)


MAKERS: tuple[Callable[[int, int], Workload], ...] = (
    make_stationary,
    make_hard_last,
    make_drift,
    make_jumps,
    make_heavy_tails,
    make_biased,
    make_bursts,
    make_delayed,
)


def _make(
    name: str,
    tasks: int,
    seed: int,
    *,
    easier: Floats | float = 0.0,
    longer: Floats | float = 1.0,
    noise: float = 0.5,
    bias: float = 1.0,
) -> Workload:
    rng = np.random.default_rng(seed)
    scale = np.geomspace(1, 100, STRATEGIES)
    shape = (tasks, STRATEGIES)
    lengths = np.broadcast_to(longer, tasks)[:, None]
    cost = np.ceil(QUANTA * scale * lengths * rng.lognormal(0, 0.4, shape))
    skill = rng.normal(0, 1.5, (tasks, 1)) + np.broadcast_to(easier, tasks)[:, None] + 0.4 * np.log(scale)
    accuracy = 1 / (1 + np.exp(-skill - rng.normal(0, 0.7, shape)))
    factor = _draw_factor(rng, tasks, noise=noise, bias=bias)
    cheapest, dearest = cost.min(axis=1).sum(), cost.max(axis=1).sum()
    return Workload(
        name=name,
        accuracy=accuracy.astype(np.float32),
        cost=cost,
        factor=factor,
        bias=bias,
        arrival=np.sort(rng.random(tasks)),
        cap=int(bias * (cheapest + BUDGET_SHARE * (dearest - cheapest))),
    )


def _draw_factor(rng: np.random.Generator, tasks: int, *, noise: float, bias: float) -> Floats:
    """Log-normal below the worst case, with the bias as its mean over these tasks."""
    factor = rng.lognormal(0, noise, tasks)
    for _ in range(30):  # what is cut off at the worst case is made up for by the rest
        factor = np.minimum(factor * bias / factor.mean(), WORST_TIMES)
    return factor
