"""What teaches a strategy is found by its time; requests to train say which strategies, and up to when.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("outcome_strategy_id_idx", table_name="outcome")
    op.create_index(op.f("outcome_strategy_id_created_at_idx"), "outcome", ["strategy_id", "created_at"])
    asked = sa.text("kind <> 'run'")
    op.create_index("outcome_asked_idx", "outcome", ["strategy_id", "created_at"], postgresql_where=asked)
    op.create_index(op.f("label_created_at_idx"), "label", ["created_at"])
    op.add_column("training_request", sa.Column("scope", sa.String(32), server_default="news", nullable=False))
    op.add_column("training_request", sa.Column("cutoff", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("training_request_scope_check"), "training_request", "scope IN ('enough', 'news', 'all')"
    )


def downgrade() -> None:
    op.drop_column("training_request", "cutoff")
    op.drop_column("training_request", "scope")
    op.drop_index("label_created_at_idx", table_name="label")
    op.drop_index("outcome_asked_idx", table_name="outcome")
    op.drop_index("outcome_strategy_id_created_at_idx", table_name="outcome")
    op.create_index("outcome_strategy_id_idx", "outcome", ["strategy_id"])
