"""Outcomes say how many of their prompt's tokens the engine had at hand.

Revision: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMN = "cached_prompt_tokens"


def upgrade() -> None:
    op.add_column("outcome", sa.Column(COLUMN, sa.Integer, server_default="0", nullable=False))
    op.create_check_constraint(
        op.f("outcome_cached_within_prompt_check"), "outcome", f"{COLUMN} BETWEEN 0 AND prompt_tokens"
    )


def downgrade() -> None:
    op.drop_column("outcome", COLUMN)
