"""Which strategies are due for training: those with enough labels that their newest predictor has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.answer_changes import AnswerChange, find_change
from db.predictors import StoredPredictor, read_newest
from db.states import TrainingScope
from db.training_news import count_news
from router.promotion.gate import LEAST_OUTCOMES
from worker.champions import is_readable
from worker.evidence import read_cutoff

LEAST_NEWS = 50  # labels: fewer move no cluster's mean
LEAST_SHARE = 0.1  # of the outcomes that it learnt from: standard errors shrink by a twentieth
LEAST_CHANGED = LEAST_OUTCOMES  # labels of answers since a strategy changed: below it the gate says nothing


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a strategy's newest predictor has learnt from, and what it has not."""

    since: datetime | None  # up to when it learnt; None where it does not say
    learnt: int  # outcomes; 0 where there is no predictor
    news: int  # labels since
    is_final: bool  # it can be loaded, and nothing that it learnt from is left to be tried in another way
    is_past: bool = False  # the strategy changed after it had learnt; then news are labels of answers since that
    is_cut: bool = False  # it was kept from older outcomes by an alarm that was withdrawn since

    @property
    def has_to_wait(self) -> bool:
        """Whether what serves, as it is corrected, is the best that can be had: the strategy changed a moment ago."""
        return self.is_past and self.news < LEAST_CHANGED

    def is_due(self, scope: TrainingScope) -> bool:
        """Whether a training of this scope takes it on."""
        if self.is_past or self.is_cut or scope is TrainingScope.ALL:
            return not self.has_to_wait
        least = 1 if scope is TrainingScope.NEWS else max(LEAST_NEWS, LEAST_SHARE * self.learnt)
        return self.news >= least or (self.learnt > 0 and not self.is_final)

    def is_overdue(self, *, before: datetime) -> bool:
        """Whether there is news, however little, and its newest predictor learnt nothing since this moment."""
        return self.news > 0 and not self.has_to_wait and self.since is not None and self.since < before


def read_standings(
    session: Session, *, strategy_ids: Sequence[int], encoder: str, cutoff: datetime
) -> dict[int, Standing]:
    """That of every strategy at this moment; a version counts whether it ever served or not."""
    newest = read_newest(session, strategy_ids=strategy_ids, encoder=encoder)
    return {key: _judge(session, key, newest.get(key), encoder=encoder, cutoff=cutoff) for key in strategy_ids}


def _judge(
    session: Session, strategy_id: int, version: StoredPredictor | None, *, encoder: str, cutoff: datetime
) -> Standing:
    meta = {} if version is None else version.meta
    learnt_from = meta.get("learnt_from", {})
    since, change = read_cutoff(meta), find_change(session, strategy_id=strategy_id, cutoff=cutoff)
    is_past = change is not None and change.is_unknown_to(since)
    began_at = None if change is None else change.began_at
    return Standing(
        since=since,
        learnt=int(learnt_from.get("outcomes", 0)),
        news=count_news(
            session,
            strategy_id=strategy_id,
            since=None if is_past else since,
            cutoff=cutoff,
            answered_since=began_at,
        ),
        is_final=version is not None and learnt_from.get("compared", True) and is_readable(version, encoder=encoder),
        is_past=is_past,
        is_cut=_is_cut(session, strategy_id, since=since, change=change),
    )


def _is_cut(session: Session, strategy_id: int, *, since: datetime | None, change: AnswerChange | None) -> bool:
    if since is None:
        return False
    known = find_change(session, strategy_id=strategy_id, cutoff=since)
    return known is not None and (change is None or change.told_at < known.told_at)
