"""A batch that is asked for: what can be refused at once is refused, and the same asked twice is one batch."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from db.api_keys import ApiKey
from db.batches import Batch, create_batch, find_by_idempotency_key, find_by_request
from db.files import read_file
from db.shared_budgets import find_shared_budget
from db.states import FilePurpose
from gateway.api.batch_request import BatchRequest
from gateway.api.callers import Known
from gateway.api.errors import BudgetRefused, InvalidRequest, NoSuchObject, NotPermitted
from gateway.api.front_door import FrontDoor
from gateway.api.judge_asked import require_judge
from gateway.api.sending import RETRIED_WITHIN_SECONDS
from gateway.batch_asked import Asked
from router.errors import AmountError
from router.units import Amount, Unit, parse_budget


def open_batch(
    session: Session,
    door: FrontDoor,
    caller: Known,
    *,
    body: BatchRequest,
    idempotency_key: str | None,
    is_retry: bool,
) -> Batch:
    """The new batch, or the one that this very request has made before."""
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    known = _find_known(session, caller, digest=digest, idempotency_key=idempotency_key, is_retry=is_retry)
    if known is not None:
        return known
    _require_input(session, caller, file_id=body.input_file_id)
    asked = _check_asked(session, door, caller, body.asked())
    lasts_seconds = body.window_seconds(now=datetime.now(UTC))
    if lasts_seconds <= 0:
        raise InvalidRequest(f"deadline {body.deadline:%Y-%m-%dT%H:%M%z} is over", param="deadline")
    created = create_batch(
        session,
        batch_id=f"batch_{uuid.uuid4().hex}",
        tenant_id=caller.tenant_id,
        endpoint=body.endpoint,
        input_file_id=body.input_file_id,
        completion_window=body.completion_window,
        lasts_seconds=lasts_seconds,
        asked=asked.to_json(),
        meta=body.metadata,
        request_digest=digest,
        idempotency_key=idempotency_key,
        output_expires_seconds=None if body.output_expires_after is None else body.output_expires_after.seconds,
    )
    if created is not None:
        return created
    assert idempotency_key is not None
    return _read_twin(session, caller, digest=digest, idempotency_key=idempotency_key)


def _find_known(
    session: Session, caller: Known, *, digest: str, idempotency_key: str | None, is_retry: bool
) -> Batch | None:
    tenant_id = caller.tenant_id
    if idempotency_key is not None:
        known = find_by_idempotency_key(session, tenant_id=tenant_id, idempotency_key=idempotency_key)
        return None if known is None else _require_same(known, digest=digest, idempotency_key=idempotency_key)
    if is_retry:
        return find_by_request(
            session, tenant_id=tenant_id, request_digest=digest, within_seconds=RETRIED_WITHIN_SECONDS
        )
    return None


def _read_twin(session: Session, caller: Known, *, digest: str, idempotency_key: str) -> Batch:
    """The batch of a request with the same key, which came a moment before."""
    twin = find_by_idempotency_key(session, tenant_id=caller.tenant_id, idempotency_key=idempotency_key)
    assert twin is not None
    return _require_same(twin, digest=digest, idempotency_key=idempotency_key)


def _require_same(batch: Batch, *, digest: str, idempotency_key: str) -> Batch:
    if batch.request_digest != digest:
        raise InvalidRequest(
            f"Idempotency-Key {idempotency_key} was sent with another request: batch {batch.id} was made of that",
            code="idempotency_key_reused",
        )
    return batch


def _require_input(session: Session, caller: Known, *, file_id: str) -> None:
    file = read_file(session, tenant_id=caller.tenant_id, file_id=file_id)
    if file is None:
        raise NoSuchObject(f"there is no file {file_id}", param="input_file_id")
    if file.purpose is not FilePurpose.BATCH:
        raise InvalidRequest(
            f'file {file_id} has the purpose "{file.purpose}": a batch is made of one with "batch"',
            param="input_file_id",
        )


def _check_asked(session: Session, door: FrontDoor, caller: Known, asked: Asked) -> Asked:
    """With the one budget of a key that has but one; refused where strategies or money are not there."""
    names = {strategy.name for strategy in door.pool.strategies}
    for name in asked.strategies or ():
        if name not in names:
            raise InvalidRequest(f"there is no strategy {name}: {', '.join(sorted(names))}", param="strategies")
    if caller.key is not None and caller.key.budgets is not None:
        asked = _keep_to_budgets(asked, caller.key, caller.key.budgets)
    if asked.budget is not None:
        _require_priced(door, asked.budget)
    if asked.judge is not None:
        require_judge(door, caller, asked)
    if asked.shared_budget is not None:
        _require_money(session, door, caller, name=asked.shared_budget, defers=asked.deferral is not None)
    return asked


def _keep_to_budgets(asked: Asked, key: ApiKey, budgets: Sequence[str]) -> Asked:
    if not asked.states_objective and len(budgets) == 1:
        return replace(asked, shared_budget=budgets[0])
    if asked.shared_budget not in budgets:
        names = ", ".join(budgets)
        raise NotPermitted(f'key {key.name} may spend from {names} alone: ask with budget {{"name": ...}}')
    return asked


def _require_priced(door: FrontDoor, budget: str) -> None:
    try:
        amount = parse_budget(budget)
    except AmountError as error:
        raise InvalidRequest(str(error), param="budget") from None
    if isinstance(amount, Amount):
        _require_unit(door, amount.unit)


def _require_unit(door: FrontDoor, unit: Unit) -> None:
    unpriced = [strategy.name for strategy in door.pool.strategies if unit not in strategy.units]
    if unpriced:
        raise InvalidRequest(
            f"the budget is in {unit}, in which {', '.join(unpriced)} can not be priced: state it in "
            f"{' or '.join(sorted(door.pool.units))}",
            param="budget",
        )


def _require_money(session: Session, door: FrontDoor, caller: Known, *, name: str, defers: bool) -> None:
    """Only what is beyond doubt: whether there is enough for these requests is known once they are planned."""
    budget = find_shared_budget(session, tenant_id=caller.tenant_id, name=name)
    if budget is None:
        raise InvalidRequest(f"there is no budget {name}", param="budget")
    _require_unit(door, Unit(budget.unit))
    if not defers and (budget.left or 0) - (budget.kept or 0) <= 0:
        raise BudgetRefused(
            f"budget {name} has nothing left that is not promised to other jobs: raise it, or wait for its next period",
            param="budget",
        )
