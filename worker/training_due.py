"""Which strategies are due for training: those with enough labels that their newest predictor has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.predictors import StoredPredictor, read_newest
from db.states import TrainingScope
from db.training_news import count_news
from worker.champions import is_readable
from worker.evidence import read_cutoff

LEAST_NEWS = 50  # labels: fewer move no cluster's mean
LEAST_SHARE = 0.1  # of the outcomes that it learnt from: standard errors shrink by a twentieth


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a strategy's newest predictor has learnt from, and what it has not."""

    since: datetime | None  # up to when it learnt; None where it does not say
    learnt: int  # outcomes; 0 where there is no predictor
    news: int  # labels since
    is_final: bool  # it can be loaded, and nothing that it learnt from is left to be tried in another way

    def is_due(self, scope: TrainingScope) -> bool:
        """Whether a training of this scope takes it on."""
        if scope is TrainingScope.ALL:
            return True
        least = 1 if scope is TrainingScope.NEWS else max(LEAST_NEWS, LEAST_SHARE * self.learnt)
        return self.news >= least or (self.learnt > 0 and not self.is_final)

    def is_overdue(self, *, before: datetime) -> bool:
        """Whether there is news, however little, and its newest predictor learnt nothing since this moment."""
        return self.news > 0 and self.since is not None and self.since < before


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
    since = read_cutoff(meta)
    return Standing(
        since=since,
        learnt=int(learnt_from.get("outcomes", 0)),
        news=count_news(session, strategy_id=strategy_id, since=since, cutoff=cutoff),
        is_final=version is not None and learnt_from.get("compared", True) and is_readable(version, encoder=encoder),
    )
