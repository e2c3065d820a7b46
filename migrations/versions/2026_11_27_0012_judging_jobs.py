"""Jobs, groups and outcomes may be of a fourth kind: judging.

Revision: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("job", "grp", "outcome")


def upgrade() -> None:
    _allow("'run', 'calibration', 'probe', 'judging'")


def downgrade() -> None:
    _allow("'run', 'calibration', 'probe'")


def _allow(kinds: str) -> None:
    for table in TABLES:
        op.drop_constraint(f"{table}_kind_check", table)
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_kind_check CHECK (kind IN ({kinds}))")
