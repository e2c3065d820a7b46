"""Predictors learnt from a recording, without running anything."""

from collections.abc import Sequence
from dataclasses import replace

from db.session import run_in_transaction
from db.tasks import NewTask
from worker.bootstrap import Workshop
from worker.calibration import submit_recorded
from worker.recording import Recording
from worker.training_job import train_predictors


def learn_from(workshop: Workshop, *, tasks: Sequence[NewTask], recording: Recording) -> None:
    """Train every strategy on the recorded outcomes of these tasks alone."""
    hashes = {priced.strategy.name: priced.strategy.spec_hash for priced in workshop.pool.strategies}
    if recording.strategy_hashes != hashes:
        changed = [name for name, spec_hash in hashes.items() if recording.strategy_hashes.get(name) != spec_hash]
        raise SystemExit(f"the recording is not of these strategies ({', '.join(changed)}): make it anew with "
                         "bench/record_outcomes.py")  # fmt: skip
    wanted = {task.custom_id for task in tasks}
    own = replace(recording, outcomes=[outcome for outcome in recording.outcomes if outcome.custom_id in wanted])
    run_in_transaction(
        workshop.database,
        lambda session: submit_recorded(
            session,
            tasks=tasks,
            tasks_sha256=recording.tasks_sha256,
            pool=workshop.pool,
            strategy_ids=workshop.strategy_ids,
            recording=own,
        ),
    )
    train_predictors(
        workshop.database,
        pool=workshop.pool,
        strategy_ids=workshop.strategy_ids,
        encoder=workshop.encoder,
        watch=workshop.watch,
    )
