"""What the files were called that batches were made of."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import BatchRow, FileRow


def read_batch_names(session: Session, *, tenant_id: str, batch_ids: Sequence[str]) -> Mapping[str, str]:
    """The file name of each of these batches whose file is still known."""
    if not batch_ids:
        return {}
    own = (BatchRow.tenant_id == tenant_id, FileRow.tenant_id == tenant_id, BatchRow.id.in_(batch_ids))
    rows = select(BatchRow.id, FileRow.filename).join(FileRow, FileRow.id == BatchRow.input_file_id).where(*own)
    return {batch_id: filename for batch_id, filename in session.execute(rows)}  # noqa: C416 - rows are not pairs to a type checker
