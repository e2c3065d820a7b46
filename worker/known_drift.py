"""What was seen of predictors on tasks of several kinds, and what it says of tasks of one kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.drift import StoredCorrection, read_drifts
from db.jobs import read_outlines
from router.drift.outline import Outline, correlate, read_outline
from router.drift.watch import Watch
from router.drift.watch_json import read_watch

AS_PREDICTED = StoredCorrection(log_odds_offset=0.0, cost_ratio=1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownDrift:
    """Of predictor versions in some order."""

    watches: Sequence[Watch | None]  # None: nothing was seen
    corrections: Sequence[StoredCorrection]  # where all tasks are taken to be alike
    outlines: Mapping[int, Outline]  # by the job that something was seen in

    def correct(self, outline: Outline | None) -> tuple[StoredCorrection, ...]:
        """How their predictions are corrected for tasks of this kind; None: nothing is known of it."""
        if outline is None:
            return tuple(self.corrections)
        unlike = {job: correlate(outline, other) for job, other in self.outlines.items()}
        return tuple(
            shared if watch is None else shared._replace(log_odds_offset=watch.correct(unlike).offset)
            for watch, shared in zip(self.watches, self.corrections, strict=True)
        )


NOTHING_KNOWN = KnownDrift(watches=(), corrections=(), outlines={})


def read_known_drift(session: Session, *, version_ids: Sequence[int]) -> KnownDrift:
    """That of these versions, in their order."""
    drifts = read_drifts(session, version_ids=version_ids)
    watches = {own: read_watch(drift.watch) for own, drift in drifts.items()}
    seen_in = {seen.job for watch in watches.values() for seen in watch.accuracies.own}
    stored = read_outlines(session, job_ids=sorted(seen_in))
    shared = {own: StoredCorrection(drift.log_odds_offset, drift.cost_ratio) for own, drift in drifts.items()}
    return KnownDrift(
        watches=[watches.get(version_id) for version_id in version_ids],
        corrections=[shared.get(version_id, AS_PREDICTED) for version_id in version_ids],
        outlines={job: read_outline(outline) for job, outline in stored.items()},
    )
