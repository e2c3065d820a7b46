"""Files, batches and API keys; groups of any tenant may be of the deployment's strategies.

Revision: 0007
"""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("api_key", "batch", "file")


def upgrade() -> None:
    op.drop_constraint("grp_tenant_id_strategy_id_fkey", "grp")
    op.create_foreign_key(op.f("grp_strategy_id_fkey"), "grp", "strategy", ["strategy_id"], ["id"])
    schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver_connection = op.get_bind().connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(schema)


def downgrade() -> None:
    """Refused by the old constraint while there are groups of tenants that have no strategies of their own."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_constraint("grp_strategy_id_fkey", "grp")
    columns = ["tenant_id", "strategy_id"]
    op.create_foreign_key(op.f("grp_tenant_id_strategy_id_fkey"), "grp", "strategy", columns, ["tenant_id", "id"])
