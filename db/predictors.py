"""Predictor versions: one champion for each strategy and encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True, kw_only=True)
class StoredPredictor:
    """One trained predictor pair."""

    id: int
    strategy_id: int
    spec_hash: str
    version: int
    encoder: str
    artefact: bytes
    meta: Mapping[str, Any]


def store_champion(
    session: Session, *, strategy_id: int, encoder: str, artefact: bytes, meta: Mapping[str, Any]
) -> int:
    """The id of the predictor version, which serves from now on; the champion before it is retired."""
    raise NotImplementedError


def read_champions(session: Session, *, strategy_ids: Sequence[int], encoder: str) -> dict[int, StoredPredictor]:
    """The serving predictor of each strategy that has one for this encoder, keyed by strategy id."""
    raise NotImplementedError
