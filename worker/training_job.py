"""Training: every strategy's outcomes become its predictor pair, and nothing else changes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine as Database
from sqlalchemy.orm import Session

from db.clock import read_settled_moment
from db.predictors import StoredPredictor, read_champions
from db.session import run_in_transaction, session_scope
from db.states import PredictorState
from db.training_news import read_first_label
from router.errors import PredictorArtefactError
from router.figures import COLD_STARTS, TrainingFigures
from router.fold import fold_pair
from router.predictor import PredictorConfig
from router.trained import TrainedPair
from router.training import train_pair
from worker.champions import SEED, Challenger
from worker.errors import CutoffAhead, NothingToTrain
from worker.gate import Judged, judge_challenger, read_serving
from worker.known_outcomes import read_pool_rows
from worker.lesson import WHAT_IS_NEW, Lesson
from worker.live_check import check_champions
from worker.placement import place
from worker.policy_value import read_past, value_policies
from worker.pool import PricedStrategy, ServingPool
from worker.predictors import find_sound
from worker.progress import Progress, Stage, Watch
from worker.promotion import receive
from worker.task_encoder import TaskEncoder
from worker.task_vectors import TaskVectors
from worker.training_due import Standing, read_standings
from worker.training_set import TrainingSet, TrainingSource, read_training_set
from worker.trial_sweep import sweep_trials

logger = logging.getLogger(__name__)


class Handover(NamedTuple):
    """A strategy's trained pair beside its cold start, on the same outcomes, held out from both."""

    own: TrainingFigures
    cold: TrainingFigures

    @property
    def is_done(self) -> bool:
        """Whether the trained pair takes over."""
        return self.own.held_out_log_loss <= self.cold.held_out_log_loss


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What training did for one strategy."""

    strategy: str
    outcomes: int
    figures: TrainingFigures | None  # of the new pair; None: nothing new to learn from, the old one stays
    handover: Handover | None = None  # None: nothing to compare, as where there are no probes
    state: PredictorState | None = None  # of the new version; None: there is none
    few_since_change: int | None = None  # labels, too few to train from: what serves stays, and stays corrected


def train_predictors(
    database: Database,
    *,
    pool: ServingPool,
    strategy_ids: Sequence[int],
    encoder: TaskEncoder,
    watch: Watch,
    lesson: Lesson = WHAT_IS_NEW,
) -> list[Trained]:
    """One line for each strategy; those that are not due are left alone.

    NothingToTrain when none has a labelled outcome, CutoffAhead for a moment up to which not everything is committed.
    """
    check_champions(database, strategy_ids=strategy_ids, encoder=encoder)
    cutoff = run_in_transaction(database, partial(_settle_cutoff, asked=lesson.cutoff))
    with session_scope(database) as session:
        if lesson.cutoff is not None:
            _require_labels(session, strategy_ids, names=pool.names, cutoff=cutoff)
        standings = read_standings(session, strategy_ids=strategy_ids, encoder=encoder.name, cutoff=cutoff)
    if not any(standing.learnt or standing.news for standing in standings.values()):
        raise NothingToTrain(
            f"no graded outcomes of {', '.join(pool.names)}: run `apportion calibrate` with a graded file first"
        )
    source = TrainingSource(database=database, encoder=encoder, cutoff=cutoff, watch=watch)
    school = _School(source=source, pool=pool, strategy_ids=strategy_ids)
    trained = []
    for number, (key, priced) in enumerate(zip(strategy_ids, pool.strategies, strict=True)):
        watch(Progress(stage=Stage.TRAINING, done=number, total=len(strategy_ids)))
        if standings[key].is_due(lesson.scope):
            trained.append(school.train(priced, strategy_id=key))
        else:
            trained.append(leave_alone(priced.strategy.name, standings[key]))
    sweep_trials(database)
    return trained


def _settle_cutoff(session: Session, *, asked: datetime | None) -> datetime:
    settled = read_settled_moment(session)
    if asked is not None and asked > settled:
        raise CutoffAhead(
            f"the cutoff {asked.isoformat()} is later than {settled.isoformat()}, up to which everything is stored: "
            "give an earlier one, or none"
        )
    return settled if asked is None else asked


def _require_labels(session: Session, strategy_ids: Sequence[int], *, names: Sequence[str], cutoff: datetime) -> None:
    first = read_first_label(session, strategy_ids=strategy_ids)
    if first is not None and first > cutoff:
        raise NothingToTrain(
            f"up to the cutoff {cutoff.isoformat()} there are no graded outcomes of {', '.join(names)}; the first "
            f"grade is of {first.isoformat()}: give a later cutoff, or none"
        )


def leave_alone(strategy: str, standing: Standing) -> Trained:
    """What is told of a strategy that is not trained."""
    few = standing.news if standing.has_to_wait else None
    return Trained(strategy=strategy, outcomes=standing.learnt, figures=None, few_since_change=few)


@dataclass(frozen=True, kw_only=True, eq=False)
class _School:
    """Trains strategy after strategy; of no two are the outcomes held at a time."""

    source: TrainingSource
    pool: ServingPool
    strategy_ids: Sequence[int]

    def train(self, priced: PricedStrategy, *, strategy_id: int) -> Trained:
        """The strategy's new pair, offered to serve; none where nobody has said anything of its answers."""
        learnt = read_training_set(self.source, priced=priced, strategy_id=strategy_id)
        outcomes = learnt.evidence.outcomes
        if not learnt.graded:
            return Trained(strategy=priced.strategy.name, outcomes=outcomes, figures=None)
        pair = self._train_pair(priced, learnt)
        challenger, handover = self._make_challenger(priced, learnt, pair), None
        if learnt.evidence.probes and not learnt.has_runs:  # else its placement knows less, and of other tasks
            cold = self._place(priced, strategy_id=strategy_id)
            if cold.figures.fallback in COLD_STARTS:
                handover = Handover(own=challenger.figures, cold=cold.figures)
                challenger = challenger if handover.is_done else cold
        champion, judged = self._find_champion(strategy_id), None
        if champion is not None and challenger.figures is pair.figures:  # it is no cold start
            judged = self._judge(challenger, learnt, pair, priced=priced, champion=champion, strategy_id=strategy_id)
        beside = None if champion is None else champion.id
        offer = partial(receive, strategy_id=strategy_id, challenger=challenger, judged=judged, beside=beside)
        try:
            state = run_in_transaction(self.source.database, offer)
        except PredictorArtefactError as error:
            logger.warning("what serves goes on serving: %s", error)
            return Trained(strategy=priced.strategy.name, outcomes=outcomes, figures=None)
        return Trained(
            strategy=priced.strategy.name,
            outcomes=outcomes,
            figures=challenger.figures,
            handover=handover,
            state=state,
        )

    def _find_champion(self, strategy_id: int) -> StoredPredictor | None:
        with session_scope(self.source.database) as session:
            champions = read_champions(session, strategy_ids=[strategy_id], encoder=self.source.encoder.name)
        return champions.get(strategy_id)

    def _judge(
        self,
        challenger: Challenger,
        learnt: TrainingSet,
        pair: TrainedPair,
        *,
        priced: PricedStrategy,
        champion: StoredPredictor,
        strategy_id: int,
    ) -> Judged | None:
        """What the gate says of it beside what serves: the champion, or the sound version before a damaged one."""
        encoder = self.source.encoder
        with session_scope(self.source.database) as session:
            past = read_past(session, strategy_ids=self.strategy_ids)
            sound = find_sound(session, champion, strategy_id=strategy_id)
            serving = read_serving(
                session,
                sound or champion,
                strategy_id=strategy_id,
                cutoff=self.source.cutoff,
                job_ids=learnt.evidence.job_ids,
            )
        judged = judge_challenger(learnt, pair.held_out, champion=serving)
        if judged is None or past is None:
            return judged
        column = self.strategy_ids.index(strategy_id)
        values = value_policies(past, challenger=challenger, priced=priced, column=column, encoder=encoder)
        return replace(judged, policies=values)

    def _train_pair(self, priced: PricedStrategy, learnt: TrainingSet) -> TrainedPair:
        strategy, encoder = priced.strategy, self.source.encoder
        model_vector, decoding_vector = encoder.encode([strategy.model_text, strategy.decoding_text])
        return train_pair(
            learnt.vectors,
            learnt.correct,
            learnt.output_tokens,
            model_vector=model_vector,
            decoding_vector=decoding_vector,
            config=PredictorConfig(),
            seed=SEED,
            weight=learnt.weight,
            cells=learnt.cells,
        )

    def _make_challenger(self, priced: PricedStrategy, learnt: TrainingSet, pair: TrainedPair) -> Challenger:
        return Challenger(
            strategy=priced.strategy,
            encoder=self.source.encoder.name,
            pair=fold_pair(pair),
            figures=pair.figures,
            evidence=learnt.evidence,
            prompt_shares=learnt.prompt_shares,
        )

    def _place(self, priced: PricedStrategy, *, strategy_id: int) -> Challenger:
        """Its cold start among what the others were asked."""
        with session_scope(self.source.database) as session:
            rows = read_pool_rows(session, strategy_ids=self.strategy_ids, cutoff=self.source.cutoff)
        return place(
            rows,
            priced=priced,
            strategy_id=strategy_id,
            encoder=self.source.encoder.name,
            vectors=TaskVectors(self.source.encoder, watch=self.source.watch),
            cutoff=self.source.cutoff,
        ).challenger
