"""What the nights came to, beside the goals."""

from collections.abc import Sequence

from bench.figures import Figure
from bench.learning_results import Replay, measure_loss, measure_share
from bench.replay_policies import FULL, OWN
from bench.replay_scenarios import Scenario

SHARE, FIRST_LOSS, LATER_LOSS = 0.9, 1.0, 0.2
OUTCOMES, TRAFFIC = 300, 0.1


def compare_with_goals(replays: Sequence[Replay]) -> list[Figure]:
    """Figures of the scenarios that were replayed."""
    quiet = [replay for replay in replays if replay.scenario is Scenario.QUIET]
    degraded = [replay for replay in replays if replay.scenario is Scenario.DEGRADED]
    return (_judge_quiet(quiet) if quiet else []) + (_judge_degraded(degraded) if degraded else [])


def _judge_quiet(replays: Sequence[Replay]) -> list[Figure]:
    share, loss = measure_share(replays, OWN), measure_loss(replays, OWN)
    first, later = float(loss[0]), float(loss[1:].mean())
    return [
        Figure("gain of full information that is reached", 100 * share, "%", ">= 90", share >= SHARE),
        Figure("exploring costs, first night", first, "points", "<= 1", first <= FIRST_LOSS),
        Figure("exploring costs, later nights", later, "points", "<= 0.2", later <= LATER_LOSS),
    ]


def _judge_degraded(replays: Sequence[Replay]) -> list[Figure]:
    latest = max(replay.count_until_alarm(OWN) for replay in replays)
    left = max(replay.keep_traffic(OWN) - replay.keep_traffic(FULL) for replay in replays)
    return [
        Figure("a degraded strategy is noticed after", latest, "of its outcomes", "<= 300", latest <= OUTCOMES),
        Figure("traffic it has left that full information takes away", 100 * left, "%", "<= 10", left <= TRAFFIC),
    ]
