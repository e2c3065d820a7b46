"""Everything that a version's page says, read from the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.predictors import PredictorVersion, read_report, read_version
from db.trials import find_trial_of


@dataclass(frozen=True, kw_only=True)
class TrialSeen:
    """A trial as far as the page of one of its versions tells it."""

    id: int
    verdict: str | None  # None: it goes on
    looks: Sequence[Mapping[str, Any]]  # oldest first


@dataclass(frozen=True, kw_only=True)
class PromotionReport:
    """A version, what the gate and live outcomes said of it, and its trial."""

    version: PredictorVersion
    report: Mapping[str, Any]  # as it was stored
    trial: TrialSeen | None  # the latest

    @property
    def gate(self) -> Mapping[str, Any] | None:
        """What the gate found; None for a first pair, which has nothing to be compared with."""
        return (self.report.get("gate") or {}).get("report")

    @property
    def looks(self) -> Sequence[Mapping[str, Any]]:
        """Those of its trial, oldest first."""
        return () if self.trial is None else self.trial.looks

    @property
    def live(self) -> Sequence[Mapping[str, Any]]:
        """Looks at live outcomes since it served, oldest first."""
        looks: Sequence[Mapping[str, Any]] = self.report.get("live", ())
        return looks

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        own = asdict(self.version) | {"created_at": self.version.created_at.isoformat()}
        return {**own, "report": dict(self.report), "trial": self.trial and asdict(self.trial)}


def gather_promotion(session: Session, *, tenant_id: str, predictor_id: int) -> PromotionReport:
    """The version's report; NoSuchRow."""
    version = read_version(session, tenant_id=tenant_id, predictor_id=predictor_id)
    trial = find_trial_of(session, predictor_id=predictor_id)
    return PromotionReport(
        version=version,
        report=read_report(session, predictor_id=predictor_id).report,
        trial=None if trial is None else TrialSeen(id=trial.id, verdict=trial.verdict, looks=trial.looks),
    )
