"""The tables. Importing this package makes `METADATA` complete."""

from db.tables.base import Base
from db.tables.drift import DriftAlarmRow, PredictorDriftRow, SettlementCursorRow
from db.tables.execution import AttemptRow, KeptAnswerRow, LabelRow, OutcomeRow, RequeueRow
from db.tables.front_door import ApiKeyRow, BatchRow, FileRow, ReplyRow
from db.tables.insert_only import declare_insert_only, declare_refusal
from db.tables.jobs import JobRow, PredictionBlockRow, TaskRow, TwinRow
from db.tables.money import BudgetRow, LedgerEntryRow
from db.tables.operation import BreakerRow, TrainingRequestRow, WorkerRow
from db.tables.promotion import TrialPredictionRow, TrialRow, TrialWindowRow
from db.tables.routing import ExplorationRow, GroupRow, WindowRow
from db.tables.strategies import PredictorVersionRow, StrategyChangeRow, StrategyRow
from db.tables.uncompressed import declare_uncompressed

METADATA = Base.metadata
INSERT_ONLY_TABLES = (
    *("task", "twin", "outcome", "ledger_entry", "attempt", "label"),
    *("exploration", "trial_window", "strategy_change", "drift_alarm", "kept_answer"),
)

declare_refusal(METADATA)
for _name in INSERT_ONLY_TABLES:
    declare_insert_only(METADATA.tables[_name])
declare_uncompressed(METADATA.tables["prediction_block"], "accuracy", "cost", "worst_cost", "prompt_tokens")

__all__ = [
    "METADATA",
    "ApiKeyRow",
    "AttemptRow",
    "BatchRow",
    "BreakerRow",
    "BudgetRow",
    "DriftAlarmRow",
    "ExplorationRow",
    "FileRow",
    "GroupRow",
    "JobRow",
    "KeptAnswerRow",
    "LabelRow",
    "LedgerEntryRow",
    "OutcomeRow",
    "PredictionBlockRow",
    "PredictorDriftRow",
    "PredictorVersionRow",
    "ReplyRow",
    "RequeueRow",
    "SettlementCursorRow",
    "StrategyChangeRow",
    "StrategyRow",
    "TaskRow",
    "TrainingRequestRow",
    "TrialPredictionRow",
    "TrialRow",
    "TrialWindowRow",
    "TwinRow",
    "WindowRow",
    "WorkerRow",
]
