"""A watch as JSON and back: what is kept of it from one look at settlements to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from router.drift.detector import Evidence, Stake, Tallies
from router.drift.tally import Tally
from router.drift.watch import UNSEEN, Broken, Watch

FORM = 1  # of what is stored, and of the bets behind it


def write_watch(watch: Watch) -> dict[str, Any]:
    """Numbers only."""
    evidence = {broken.value: known._asdict() for broken, known in watch.evidence.items()}
    jobs = list(watch.jobs.items())
    return {"form": FORM, "evidence": evidence, "accuracies": watch.accuracies, "costs": watch.costs, "jobs": jobs}


def read_watch(stored: Mapping[str, Any]) -> Watch:
    """What `write_watch` made the JSON of; nothing is known where another release did in another form.

    Earlier releases kept all jobs' outcomes together.
    """
    if stored.get("form") != FORM:
        return UNSEEN
    evidence = {broken: _read_evidence(stored["evidence"][broken.value]) for broken in Broken}
    jobs = {job: Tally(*tally) for job, tally in stored.get("jobs", ())}
    accuracies, costs = Tally(*stored["accuracies"]), Tally(*stored["costs"])
    return Watch(evidence=evidence, accuracies=accuracies, costs=costs, jobs=jobs)


def _read_evidence(stored: Mapping[str, Any]) -> Evidence:
    stakes = tuple(Stake(money, climb, _read_tallies(pending)) for money, climb, pending in stored["stakes"])
    usual = _read_tallies(stored["usual"])
    return Evidence(usual=usual, anchor=stored["anchor"], room=stored["room"], stakes=stakes)


def _read_tallies(stored: Sequence[Sequence[float]]) -> Tallies:
    chosen, drawn = stored
    return Tally(*chosen), Tally(*drawn)
