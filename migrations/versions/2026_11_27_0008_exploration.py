"""Windows say how they explored, and groups with what chance each member got its strategy.

Revision: 0008
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMN = "propensities"


def upgrade() -> None:
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)
    op.add_column("grp", sa.Column(COLUMN, sa.LargeBinary, server_default=""))
    op.create_check_constraint(
        op.f("grp_propensity_per_task_check"), "grp", f"octet_length({COLUMN}) IN (0, 4 * cardinality(seqs))"
    )


def downgrade() -> None:
    op.drop_column("grp", COLUMN)
    op.drop_table("exploration")
