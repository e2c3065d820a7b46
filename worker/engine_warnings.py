"""Whether the engines that answer are those that the predictors learnt from."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.predictors import StoredPredictor
from worker.engines.identity import EngineIdentity

SHOWN = ("package", "version", "device", "processor", "dtype", "quantization")


def find_engine_changes(champions: Sequence[StoredPredictor], identities: Mapping[str, EngineIdentity]) -> list[str]:
    """One sentence for each engine that none of the predictors has seen as it is now; with the remedy."""
    known: list[Mapping[str, Any]] = [engine for champion in champions for engine in champion.meta.get("engines", [])]
    warnings = []
    for name, identity in identities.items():
        of_model = [engine for engine in known if engine.get("model") == identity.model]
        if not of_model or any(not identity.differences(engine) for engine in of_model):
            continue
        differences = identity.differences(of_model[-1])
        changes = ", ".join(
            f"{field} {was or 'unknown'} then, {now or 'none'} now"
            for field, (was, now) in differences.items()
            if field in SHOWN
        )
        if "adapters" in differences:
            changes = ", ".join(filter(None, [changes, "other adapters"]))
        warnings.append(
            f"the predictors learnt from another engine than {name} is now ({changes or 'other weights'}): "
            "`apportion calibrate` and `apportion train` learn this one"
        )
    return warnings
