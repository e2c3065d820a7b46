"""Shared budgets say how many tasks are expected to draw on them.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("budget", sa.Column("expected_tasks", sa.Integer(), nullable=True))
    op.create_index("job_budget_id_idx", "job", ["budget_id"])
    op.execute("ALTER TABLE budget ADD CONSTRAINT budget_expects_some_check CHECK (expected_tasks > 0)")


def downgrade() -> None:
    op.drop_index("job_budget_id_idx", table_name="job")
    op.drop_constraint("budget_expects_some_check", "budget")
    op.drop_column("budget", "expected_tasks")
