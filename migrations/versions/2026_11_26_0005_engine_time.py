"""Windows keep what their job's deadline made of them; what an engine did lately is found by an index.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_window", sa.Column("engine_time", postgresql.JSONB(), nullable=True))
    op.create_index("grp_ended_idx", "grp", ["strategy_id", "finished_at"], postgresql_where=sa.text("state = 'done'"))


def downgrade() -> None:
    op.drop_index("grp_ended_idx", table_name="grp")
    op.drop_column("task_window", "engine_time")
