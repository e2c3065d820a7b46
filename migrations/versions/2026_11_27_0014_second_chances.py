"""Invalid answers are kept while their tasks have a second chance.

Revision: 0014
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMN = "second_chances"
WAITING = "'denied', 'retry', 'recalled'"


def upgrade() -> None:
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)
    op.add_column("job", sa.Column(COLUMN, sa.Boolean, server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    op.drop_column("job", COLUMN)
    op.execute("UPDATE requeue SET reason = 'retry' WHERE reason = 'second_chance'")
    op.drop_constraint("requeue_reason_check", "requeue")
    op.execute(
        "ALTER TABLE requeue ADD CONSTRAINT requeue_reason_check "
        f"CHECK (reason IN ({WAITING}, 'budget_exhausted', 'not_eligible', 'cancelled'))"
    )
    op.drop_index("requeue_waiting_idx")
    op.execute(
        "CREATE INDEX requeue_waiting_idx ON requeue (job_id, not_before, id) "
        f"WHERE window_id IS NULL AND reason IN ({WAITING})"
    )
    op.drop_table("kept_answer")
