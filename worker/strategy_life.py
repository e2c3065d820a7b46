"""A strategy's life: enabled, in the shadow, disabled, retired; running routers follow with their next window."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.orm import Session

from db.predictors import has_champion
from db.session import session_scope
from db.states import StrategyMode
from db.strategies import StoredStrategy, list_latest_strategies, list_versions
from db.strategy_modes import StrategyChange, append_change, lock_strategy, read_latest_changes, read_mode
from worker.bootstrap import Workshop
from worker.errors import NoSuchStrategy, NothingServes, StrategyUnusable
from worker.strategy_health import recall_tasks
from worker.submission import TENANT

ENABLE = "`apportion strategies enable NAME`"
PREDICTED = frozenset({StrategyMode.ENABLED, StrategyMode.SHADOW})  # of these, every task of a new job is foreseen


class Turned(NamedTuple):
    """What became of a strategy."""

    change: StrategyChange
    recalled: int  # tasks that waited for it, and are routed to others


def turn(session: Session, *, name: str, mode: StrategyMode, changed_by: str, reason: str) -> Turned | None:
    """The strategy is used for this from now on; None where it was already.

    NoSuchStrategy; StrategyUnusable where it is retired, or nothing is known of it that could be routed by.
    """
    versions = require_versions(session, name=name)
    lock_strategy(session, tenant_id=TENANT, name=name)
    before = read_mode(session, tenant_id=TENANT, name=name)
    if before is mode:
        return None
    if before is StrategyMode.RETIRED:
        raise StrategyUnusable(f"strategy {name} is retired, which is final: give its entry in the file another name")
    if mode in PREDICTED and not has_champion(session, tenant_id=TENANT, spec_hash=versions[0].spec_hash):
        raise StrategyUnusable(
            f"strategy {name} has no predictor: `apportion strategies add {name}` asks it some tasks and enables it"
        )
    change = append_change(session, tenant_id=TENANT, name=name, mode=mode, changed_by=changed_by, reason=reason)
    return Turned(change, 0 if mode is StrategyMode.ENABLED else _recall(session, versions))


def require_versions(session: Session, *, name: str) -> Sequence[StoredStrategy]:
    """All versions of a strategy, the newest first; NoSuchStrategy names those that there are."""
    versions = list_versions(session, tenant_id=TENANT, name=name)
    if not versions:
        known = ", ".join(own.name for own in list_latest_strategies(session, tenant_id=TENANT)) or "none yet"
        raise NoSuchStrategy(
            f"no strategy {name} is known here; known: {known}. One of a file is known once it was calibrated, probed "
            "or planned with"
        )
    return versions


def keep_in_service(workshop: Workshop) -> Workshop:
    """The workshop without what is disabled, retired, or in the shadow and unknown; NothingServes where none is left.

    A strategy in the shadow stays, and is foreseen.
    """
    with session_scope(workshop.database) as session:
        changes = read_latest_changes(session, tenant_id=TENANT)
        modes = [changes[name].mode if name in changes else StrategyMode.ENABLED for name in workshop.pool.names]
        kept = [
            place
            for place, (mode, priced) in enumerate(zip(modes, workshop.pool.strategies, strict=True))
            if mode is StrategyMode.ENABLED
            or (
                mode is StrategyMode.SHADOW
                and has_champion(session, tenant_id=TENANT, spec_hash=priced.strategy.spec_hash)
            )
        ]
    if StrategyMode.ENABLED not in modes:
        states = ", ".join(f"{name} is {mode}" for name, mode in zip(workshop.pool.names, modes, strict=True))
        is_final = all(mode is StrategyMode.RETIRED for mode in modes)
        way = "that is final: give an entry in the file another name" if is_final else f"{ENABLE} takes one back"
        raise NothingServes(f"nothing can be routed to: {states}; {way}")
    return workshop if len(kept) == len(modes) else workshop.keep(kept)


def _recall(session: Session, versions: Sequence[StoredStrategy]) -> int:
    return sum(recall_tasks(session, strategy_id=version.id) for version in versions)
