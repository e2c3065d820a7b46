"""Predictor versions wait, are tried, held or rejected, and say why; trials with their predictions and lots.

Revision: 0013
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = ("trial_window", "trial_prediction", "trial")
STATES_BEFORE = "state IN ('champion', 'retired')"
STATES = "state IN ('candidate', 'on_trial', 'champion', 'retired', 'held', 'rejected')"


def upgrade() -> None:
    _allow_states(STATES)
    op.add_column("predictor_version", sa.Column("report", JSONB, server_default="{}", nullable=False))
    op.add_column("predictor_version", sa.Column("crowned_at", sa.DateTime(timezone=True), nullable=True))
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)


def downgrade() -> None:
    """Refused while there are versions that never served: nothing says what they are to be."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_column("predictor_version", "crowned_at")
    op.drop_column("predictor_version", "report")
    _allow_states(STATES_BEFORE)


def _allow_states(states: str) -> None:
    op.drop_constraint("predictor_version_state_check", "predictor_version")
    op.create_check_constraint(op.f("predictor_version_state_check"), "predictor_version", states)
