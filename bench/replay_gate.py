"""Which new pairs serve: those that the product's gate proves to be better, as where answers are too few for trials."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from bench.replay_memory import Memory
from bench.replay_training import Trained
from bench.replay_world import Cells
from router.drift.watch import PROVEN_BY_ALARM
from router.promotion.comparison import HeldOut
from router.promotion.corrected import foresee_after_alarm
from router.promotion.gate import GateReport, GateVerdict, judge_at_gate, list_rivals
from router.promotion.gate_spending import take_look
from router.promotion.growth import has_grown
from router.promotion.rivals import Foreseen, Past


class Champion(NamedTuple):
    """A pair that serves, and what has been looked at since it learnt."""

    trained: Trained
    windows: int  # told when it learnt
    looked_at: int = 0  # labels since, at the gate's last look


class Served(NamedTuple):
    """What is foreseen by who serves now (2, queries, strategies): accuracies and amounts."""

    corrected: Cells  # each task by its night's kind, as it would be served
    uncorrected: Cells
    in_alarm: Collection[int]  # strategies about which an alarm stands that their champions have not learnt of


def promote(
    memory: Memory, challengers: Mapping[int, Trained], champions: Mapping[int, Champion], *, served: Served
) -> dict[int, Champion]:
    """By strategy, who serves from now on; a first pair does."""
    serving = dict(champions)
    for strategy, challenger in challengers.items():
        champion = champions.get(strategy)
        if champion is not None:
            report = _judge(memory, strategy, challenger, champion, served)
            labels, champion_labels = len(challenger.rows), len(champion.trained.rows)
            grown = has_grown(report, labels=labels, champion_labels=champion_labels)
            if report.verdict is not GateVerdict.PROVEN and not (grown and report.verdict is not GateVerdict.REJECT):
                looked_at = champion.looked_at if report.challenger is None else report.look.labels
                serving[strategy] = champion._replace(looked_at=looked_at)
                continue
        serving[strategy] = Champion(challenger, memory.windows)
    return serving


def _judge(memory: Memory, strategy: int, challenger: Trained, champion: Champion, served: Served) -> GateReport:
    """Its errors on what the champion has not learnt from, each predicted by other folds."""
    held_out = challenger.held_out
    own = challenger.rows[held_out.place]
    unseen = memory.window[own, strategy] >= champion.windows
    correct, cost = memory.correct[own, strategy], memory.amount[own, strategy]
    weight = challenger.weight[held_out.place]
    rows = HeldOut(correct=correct, cost=cost, weight=weight, window=memory.window[own, strategy]).take(unseen)
    past = Past(embeddings=memory.vectors[own], correct=correct, cost=cost, weight=weight, fold=held_out.fold)
    rivals = {}
    if unseen.any():
        champions, known = (
            Foreseen(accuracy=cells[0, own, strategy], cost=cells[1, own, strategy]).take(unseen)
            for cells in served[:2]
        )
        if strategy in served.in_alarm and len(challenger.rows) < PROVEN_BY_ALARM:
            champions = foresee_after_alarm(rows, champions, known, held_out.fold[unseen])
        rivals = list_rivals(champions, past, unseen)
    predicted = Foreseen(accuracy=held_out.accuracy, cost=held_out.output_tokens * challenger.scale)
    look = take_look(int(unseen.sum()), looked_at=champion.looked_at, learnt=len(champion.trained.rows))
    return judge_at_gate(rows, predicted.take(unseen), rivals, look=look)


def list_replaced(before: Mapping[int, Champion], after: Mapping[int, Champion]) -> list[int]:
    """The strategies that somebody else serves for now."""
    return [
        strategy
        for strategy, champion in after.items()
        if strategy not in before or before[strategy].trained is not champion.trained
    ]


def keep_trained(champions: Mapping[int, Champion]) -> dict[int, Trained]:
    """Their pairs."""
    return {strategy: champion.trained for strategy, champion in champions.items()}
