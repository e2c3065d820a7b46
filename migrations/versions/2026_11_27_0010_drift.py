"""How predictions fare between trainings, and what strategies are used for.

Revision: 0010
"""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("strategy_change", "drift_alarm", "predictor_drift", "settlement_cursor")


def upgrade() -> None:
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
