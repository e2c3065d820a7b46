"""Predictions are kept as they are: compressing floats costs more than it saves.

Revision: 0018
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

COLUMNS = ("accuracy", "cost", "worst_cost", "prompt_tokens")


def upgrade() -> None:
    _store("EXTERNAL")


def downgrade() -> None:
    _store("EXTENDED")


def _store(how: str) -> None:
    """For rows to come; those that are there are read as they were written."""
    for column in COLUMNS:
        op.execute(f"ALTER TABLE prediction_block ALTER COLUMN {column} SET STORAGE {how}")
