"""A trained pair before the gate: judged on outcomes that neither it nor the champion has learnt from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from db.answer_changes import find_change
from db.drift import StoredCorrection
from db.gate_looks import read_looked_at
from db.jobs import read_outlines
from db.predictors import StoredPredictor, read_taken_back
from db.training_news import count_news
from router.artefact import load_pair
from router.drift.correction import correct_accuracy
from router.drift.outline import Outline, read_outline
from router.drift.watch import PROVEN_BY_ALARM
from router.errors import PredictorArtefactError
from router.figures import Fallback
from router.fold import FoldedPair
from router.held_out import OutOfFold
from router.promotion.comparison import HeldOut
from router.promotion.corrected import foresee_after_alarm
from router.promotion.gate import GateLook, GateReport, Rival, judge_at_gate, list_rivals
from router.promotion.gate_spending import MOST_HORIZON, take_look
from router.promotion.growth import has_grown
from router.promotion.reliability import Point, trace_reliability
from router.promotion.rivals import Foreseen, Past
from router.promotion.rollback import Promise, promise
from router.promotion.unseen import find_unseen
from router.stack import PredictorStack
from worker.evidence import read_cutoff
from worker.known_drift import KnownDrift, read_known_drift
from worker.policy_value import PolicyValues
from worker.training_set import TrainingSet

MOST_OUTCOMES = 4000  # the latest: a log loss is then known to a hundredth
PAIRS = (Fallback.NONE, Fallback.CONSTANT_ACCURACY)  # that were learnt from outcomes of their own


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the gate saw of a challenger."""

    report: GateReport
    promised: Promise
    challenger_curve: tuple[Point, ...]
    champion_curve: tuple[Point, ...]
    has_grown: bool  # it learnt from so much more than the champion that it serves unless it is surely worse
    champion_labels: int  # than which it has to have learnt from so much more
    policies: PolicyValues | None = None  # None: nothing was explored with these strategies


@dataclass(frozen=True, kw_only=True, eq=False)
class Serving:
    """A champion as it stands when somebody wants its place."""

    version: StoredPredictor
    drift: KnownDrift  # of this version alone
    outlines: Mapping[int, Outline]  # by the job of an outcome: where its tasks lie
    is_in_alarm: bool  # one stands about the strategy that the version has not learnt of
    look: GateLook  # that is taken at it now
    most_labels: int  # that it learnt from, or a version that served after it and was taken back

    def correct(self, job: int) -> StoredCorrection:
        """How it would be corrected for tasks of this job's kind."""
        (own,) = self.drift.correct(self.outlines.get(job))
        return own


def read_serving(
    session: Session, version: StoredPredictor, *, strategy_id: int, cutoff: datetime, job_ids: Iterable[int]
) -> Serving:
    """The champion with all that was said of it, and the kinds of these jobs' tasks.

    Looks at it begin anew where its strategy changed.
    """
    since, change = read_cutoff(version.meta), find_change(session, strategy_id=strategy_id, cutoff=cutoff)
    labels = count_news(
        session,
        strategy_id=strategy_id,
        since=since,
        cutoff=cutoff,
        answered_since=None if change is None else change.began_at,
    )
    looked_at = read_looked_at(session, champion_id=version.id, since=None if change is None else change.told_at)
    learnt = _read_graded(version.meta)
    taken_back = read_taken_back(session, version, strategy_id=strategy_id)
    is_changed = change is not None and change.is_unknown_to(since)
    return Serving(
        version=version,
        drift=read_known_drift(session, version_ids=[version.id]),
        outlines={job: read_outline(own) for job, own in read_outlines(session, job_ids=sorted(job_ids)).items()},
        is_in_alarm=is_changed,
        look=take_look(labels, looked_at=looked_at, learnt=0 if is_changed else learnt),  # of what the strategy is now
        most_labels=max([learnt, *map(_read_graded, taken_back)]),
    )


def _read_graded(meta: Mapping[str, Any]) -> int:
    return int(meta.get("figures", {}).get("graded", MOST_HORIZON))


def judge_challenger(learnt: TrainingSet, held_out: OutOfFold, *, champion: Serving) -> Judged | None:
    """What the gate says of the pair that these are the out-of-fold predictions of, beside the champion as it serves.

    None where there is nothing to compare with: the champion is no trained pair, can not be loaded, or does not say
    what it has learnt from. Then the challenger serves.
    """
    version = champion.version
    cutoff = read_cutoff(version.meta)
    if cutoff is None or version.meta.get("figures", {}).get("fallback") not in PAIRS:
        return None
    try:
        pair = load_pair(version.artefact, encoder=version.encoder).pair
    except PredictorArtefactError:
        return None
    unseen = _pick_unseen(learnt, held_out.place, since=cutoff.timestamp())
    place = held_out.place[unseen]
    rows = _hold_out(learnt, place)
    challenger = Foreseen(accuracy=held_out.accuracy, cost=held_out.output_tokens).take(unseen)
    grown = partial(has_grown, labels=learnt.graded, champion_labels=champion.most_labels)
    beside = partial(Judged, champion_labels=champion.most_labels)
    if not len(place):
        report = judge_at_gate(rows, challenger, {}, look=champion.look)
        return beside(report=report, promised=(), challenger_curve=(), champion_curve=(), has_grown=grown(report))
    past = _gather_past(learnt, held_out)
    known = _foresee(pair, learnt.vectors[place])
    served = _correct(known, learnt.job[place], champion)
    if champion.is_in_alarm and learnt.graded < PROVEN_BY_ALARM:
        served = foresee_after_alarm(rows, served, known, held_out.fold[unseen])
    rivals = list_rivals(served, past, unseen)
    report = judge_at_gate(rows, challenger, rivals, look=champion.look)
    return beside(
        report=report,
        promised=promise(rows.correct, challenger.accuracy, rows.weight),
        challenger_curve=trace_reliability(rows, challenger),
        champion_curve=trace_reliability(rows, rivals[Rival.CHAMPION]),
        has_grown=grown(report),
    )


def _hold_out(learnt: TrainingSet, place: NDArray[np.intp]) -> HeldOut:
    return HeldOut(
        correct=learnt.correct[place],
        cost=learnt.output_tokens[place],
        weight=learnt.weight[place],
        window=learnt.window[place],
    )


def _gather_past(learnt: TrainingSet, held_out: OutOfFold) -> Past:
    return Past(
        embeddings=learnt.vectors[held_out.place],
        correct=learnt.correct[held_out.place],
        cost=learnt.output_tokens[held_out.place],
        weight=learnt.weight[held_out.place],
        fold=held_out.fold,
    )


def _foresee(pair: FoldedPair, vectors: NDArray[np.float32]) -> Foreseen:
    known = PredictorStack([pair]).predict(vectors)
    accuracy, tokens = known.accuracy[:, 0], known.output_tokens[:, 0]
    return Foreseen(accuracy=accuracy.astype(np.float64), cost=tokens.astype(np.float64))


def _correct(known: Foreseen, job: NDArray[np.int64], champion: Serving) -> Foreseen:
    """What serves where tasks like those of these jobs (n,) come: corrections are of a kind."""
    jobs, place = np.unique(job, return_inverse=True)
    offset, ratio = np.array([champion.correct(own) for own in jobs.tolist()])[place].T
    accuracy = correct_accuracy(
        known.accuracy[:, np.newaxis].astype(np.float32), offset[:, np.newaxis].astype(np.float32)
    )
    return Foreseen(accuracy=accuracy[:, 0].astype(np.float64), cost=known.cost * ratio)


def _pick_unseen(learnt: TrainingSet, place: NDArray[np.intp], *, since: float) -> NDArray[np.bool_]:
    """Which of the rows at these places (n,) the champion that learnt up to `since` knows nothing of: the latest."""
    unseen = find_unseen(learnt.vectors, learnt.told_at > since)[place]
    recency = np.where(unseen, learnt.told_at[place], -np.inf)
    latest = np.zeros(len(place), dtype=bool)
    latest[np.argsort(recency, kind="stable")[-MOST_OUTCOMES:]] = True
    return np.asarray(latest & unseen)
