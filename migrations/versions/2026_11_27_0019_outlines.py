"""Jobs keep the kind of their tasks.

Revision: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("outline", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("job", "outline")
