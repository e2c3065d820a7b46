"""Predictors that serve: whether their artefacts are as they were written."""

from collections.abc import Iterator

from sqlalchemy.orm import Session

from db.predictors import list_champions
from gateway.doctor.finding import Finding
from router.artefact import load_pair
from router.errors import PredictorArtefactError


def look_at_predictors(session: Session) -> Iterator[Finding]:
    """Champions that can not be used; another version serves instead of each, if there is a sound one."""
    for champion in list_champions(session):
        try:
            load_pair(champion.artefact, encoder=champion.encoder)
        except PredictorArtefactError as error:
            remedy = "`apportion train` does; until then another version that served once does, if there is one"
            yield Finding(False, f"predictor {champion.id}, version {champion.version}: {error}: {remedy}")
