"""Champions on live outcomes: one that predicts worse than its report promised goes, if the one before was better."""

import logging
import math
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np
from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.clock import read_clock
from db.predictors import (
    Reported,
    StoredPredictor,
    amend_report,
    promote,
    read_champions,
    read_predecessor,
    read_report,
    set_state,
)
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.strategies import read_strategies
from db.training_news import count_news
from db.training_rows import TrainingRow, list_training_outcomes, read_rows
from router.artefact import load_pair
from router.errors import PredictorArtefactError
from router.promotion.gate import GateVerdict
from router.promotion.report_json import to_json
from router.promotion.rollback import LiveCheck, LiveOutcomes, LiveVerdict, check_live, find_look
from router.stack import PredictorStack
from router.training_weights import weigh_outcomes
from worker.submission import TENANT
from worker.task_encoder import TaskEncoder
from worker.task_vectors import TaskVectors

logger = logging.getLogger(__name__)

MOST_OUTCOMES = 3200  # the latest since the promotion: each has to be encoded
OF_RUNS = 0  # the arm of every run's outcomes
WHY = {
    LiveVerdict.ROLL_BACK: "misses what was promised of it",
    LiveVerdict.WORSE: "is surely worse than the one before",
}


def check_champions(database: Database, *, strategy_ids: Sequence[int], encoder: TaskEncoder) -> None:
    """Look at the champions of these strategies where a look is due, and bring back what was better before."""
    for strategy_id in strategy_ids:
        with session_scope(database) as session:
            due = _find_due(session, strategy_id=strategy_id, encoder=encoder.name)
        if due is not None:
            check = _check(due, encoder=encoder)
            run_in_transaction(database, partial(_follow, due=due, check=check))


class _Due(NamedTuple):
    """A champion that a look is due at."""

    champion: StoredPredictor
    earlier: StoredPredictor
    reported: Reported
    rows: Sequence[TrainingRow]  # labelled since it became champion

    @property
    def looks(self) -> Sequence[object]:
        looks: Sequence[object] = self.reported.report.get("live", [])
        return looks


def _find_due(session: Session, *, strategy_id: int, encoder: str) -> _Due | None:
    champion = read_champions(session, strategy_ids=[strategy_id], encoder=encoder).get(strategy_id)
    if champion is None:
        return None
    reported = read_report(session, predictor_id=champion.id)
    if reported.crowned_at is None or not _list_promises(reported):
        return None
    news = count_news(session, strategy_id=strategy_id, since=reported.crowned_at, cutoff=read_clock(session))
    if find_look(min(news, MOST_OUTCOMES)) <= _count_looks(reported):
        return None
    earlier = read_predecessor(session, strategy_id=strategy_id, encoder=encoder)
    if earlier is None:
        return None
    rows = _read_since(session, strategy_id=strategy_id, moment=reported.crowned_at)
    return _Due(champion, earlier, reported, rows)


def _read_since(session: Session, *, strategy_id: int, moment: datetime) -> list[TrainingRow]:
    outcomes = list_training_outcomes(session, strategy_id=strategy_id, cutoff=None, most=MOST_OUTCOMES)
    rows = read_rows(session, outcomes=[outcome for outcome in outcomes if outcome.arm == OF_RUNS], cutoff=None)
    return [row for row in rows if row.told_at > moment and not math.isnan(row.correct)]


def _list_promises(reported: Reported) -> Sequence[float]:
    promised: Sequence[float] = (reported.report.get("gate") or {}).get("promised", ())
    return promised


def _is_proven(reported: Reported) -> bool:
    """Whether anything but the number of its labels spoke for the version."""
    gate = reported.report["gate"]
    return not gate.get("has_grown") or gate["report"]["verdict"] == GateVerdict.PROVEN


def _count_looks(reported: Reported) -> int:
    """Since it serves, by the number of the last look: where outcomes come in numbers, some are passed over."""
    since = reported.crowned_at
    looks = [
        look
        for look in reported.report.get("live", [])
        if since is None or "at" not in look or datetime.fromisoformat(look["at"]) > since
    ]
    return int(looks[-1]["look"]) if looks else 0


def _check(due: _Due, *, encoder: TaskEncoder) -> LiveCheck:
    try:
        pairs = [load_pair(own.artefact, encoder=encoder.name).pair for own in (due.champion, due.earlier)]
    except PredictorArtefactError as error:
        logger.warning("nothing to compare with: %s", error)
        return LiveCheck(verdict=LiveVerdict.WAIT, outcomes=len(due.rows), misses=(), loss_since=None)
    vectors = TaskVectors(encoder, watch=lambda _: None).of([row.payload for row in due.rows])
    accuracy = PredictorStack(pairs).predict(vectors).accuracy.astype(np.float64)  # (n, 2)
    propensity = np.array([row.propensity or math.nan for row in due.rows])
    live = LiveOutcomes(
        correct=np.array([row.correct for row in due.rows]),
        weight=weigh_outcomes(np.ones(len(due.rows)), propensity),
        window=np.array([row.window_id or 0 for row in due.rows], dtype=np.int64),
        champion=accuracy[:, 0],
        earlier=accuracy[:, 1],
    )
    promised = tuple(_list_promises(due.reported))
    return check_live(
        live, promised=promised, looks_taken=_count_looks(due.reported), is_proven=_is_proven(due.reported)
    )


def _follow(session: Session, *, due: _Due, check: LiveCheck) -> None:
    """Keep what was seen, and do what follows from it, unless something else serves by now."""
    champion = due.champion
    serving = read_champions(session, strategy_ids=[champion.strategy_id], encoder=champion.encoder)
    if check.verdict is LiveVerdict.WAIT or serving[champion.strategy_id].id != champion.id:
        return
    look = {**to_json(check), "look": find_look(check.outcomes), "at": read_clock(session).isoformat()}
    amend_report(session, predictor_id=champion.id, parts={"live": [*due.looks, look]})
    if check.goes_back:
        logger.warning(
            "version %d of strategy %s %s, version %d serves again",
            champion.version,
            read_strategies(session, strategy_ids=[champion.strategy_id])[0].name,
            WHY[check.verdict],
            due.earlier.version,
        )
        promote(session, tenant_id=TENANT, predictor_id=due.earlier.id)
        retired, rejected = PredictorState.RETIRED, PredictorState.REJECTED
        set_state(session, predictor_ids=[champion.id], before=retired, to=rejected)
