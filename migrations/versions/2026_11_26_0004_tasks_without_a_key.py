"""Tasks are stored in two thirds of the time: no foreign key to their job, which is locked while they are copied.

Revision: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = "task_tenant_id_job_id_fkey"


def upgrade() -> None:
    op.drop_constraint(KEY, "task")


def downgrade() -> None:
    op.create_foreign_key(op.f(KEY), "task", "job", ["tenant_id", "job_id"], ["tenant_id", "id"])
