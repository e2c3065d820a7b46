"""The initial schema, as SQL in the file beside this one.

Revision: 0001
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "label",
    "requeue",
    "outcome",
    "ledger_entry",
    "attempt",
    "grp",
    "task_window",
    "task",
    "prediction_block",
    "predictor_version",
    "job",
    "strategy",
    "budget",
)


def upgrade() -> None:
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # The driver's own execute takes a whole script; through SQLAlchemy it would be one prepared statement.
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")
