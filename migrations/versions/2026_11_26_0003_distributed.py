"""Work by many machines: shared budgets, priorities, counts on groups, twins, breakers, workers, training requests.

A budget that is in use keeps nothing free for unstarted tasks from here on: first come, first served.

Revision: 0003
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("training_request", "worker", "breaker", "twin")
ADDED = {
    "grp": ("least", "started", "settled", "answered", "errors", "graded", "correct"),
    "job": ("priority", "deadline", "paused", "promised", "twins", "continues_job_id"),
    "budget": ("kept", "shared", "period", "period_start"),
}
OUTCOME_KEYS = {
    ("tenant_id", "job_id", "kind"): ("job", ["tenant_id", "id", "kind"]),
    ("tenant_id", "grp_id"): ("grp", ["tenant_id", "id"]),
    ("tenant_id", "strategy_id"): ("strategy", ["tenant_id", "id"]),
}
LISTS = {
    "job_state_check": ("state", "'submitted', 'running', 'completed'", ", 'cancelling', 'cancelled'"),
    "requeue_reason_check": (
        "reason",
        "'denied', 'retry'",
        ", 'recalled'",
        ", 'budget_exhausted', 'not_eligible', 'cancelled'",
    ),
    "outcome_source_check": ("source", "'engine', 'recording'", ", 'twin'"),
}


def upgrade() -> None:
    for name, (column, before, new, *after) in LISTS.items():
        _list(name, column, before + new + "".join(after))
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)


def downgrade() -> None:
    """Refused by the old constraints while there are jobs that only this release knows."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_constraint("job_finished_when_final_check", "job")
    op.create_check_constraint(
        op.f("job_finished_when_completed_check"), "job", "(state = 'completed') = (finished_at IS NOT NULL)"
    )
    op.drop_index("outcome_without_group_idx", "outcome")
    for columns, (target, keys) in OUTCOME_KEYS.items():
        op.create_foreign_key(op.f(f"outcome_{'_'.join(columns)}_fkey"), "outcome", target, list(columns), keys)
    op.drop_index("job_open_idx", "job")
    op.drop_index("requeue_waiting_idx", "requeue")
    waiting = sa.text("window_id IS NULL")
    op.create_index("requeue_waiting_idx", "requeue", ["job_id", "not_before", "id"], postgresql_where=waiting)
    for table, columns in ADDED.items():
        for column in columns:
            op.drop_column(table, column)
    for name, (column, before, _, *after) in LISTS.items():
        _list(name, column, before + "".join(after))
    _forget_lower()


def _forget_lower() -> None:
    deltas = ("cap_delta", "reserved_delta", "spent_delta", "burned_delta", "overrun_delta")
    signs = {
        "raise": ("cap_delta >= 0", deltas[1:]),
        "reserve": ("reserved_delta >= 0", (deltas[0], *deltas[2:])),
        "settle": (
            "spent_delta >= 0 AND reserved_delta = - spent_delta AND overrun_delta >= 0",
            ("cap_delta", "burned_delta"),
        ),
        "release": ("reserved_delta < 0", (deltas[0], *deltas[2:])),
        "burn": (
            "burned_delta >= 0 AND reserved_delta = - burned_delta",
            ("cap_delta", "spent_delta", "overrun_delta"),
        ),
    }
    cases = [
        f"WHEN '{kind}' THEN {sign} AND " + " AND ".join(f"{delta} = 0" for delta in zero)
        for kind, (sign, zero) in signs.items()
    ]
    for name, condition in {
        "kind": "kind IN ('raise', 'reserve', 'settle', 'release', 'burn')",
        "source": "(kind = 'raise') = (grp_id IS NULL)",
        "deltas_fit_kind": f"CASE kind {' '.join(cases)} END",
    }.items():
        op.drop_constraint(f"ledger_entry_{name}_check", "ledger_entry")
        op.create_check_constraint(op.f(f"ledger_entry_{name}_check"), "ledger_entry", sa.text(condition))


def _list(name: str, column: str, values: str) -> None:
    table = name.split("_", maxsplit=1)[0]
    op.drop_constraint(name, table)
    op.create_check_constraint(op.f(name), table, sa.text(f"{column} IN ({values})"))
