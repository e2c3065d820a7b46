"""A watch as JSON and back: what is kept of it from one look at settlements to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from router.drift.detector import Evidence, Stake, Tallies
from router.drift.jobs import Jobs, Seen
from router.drift.tally import Tally
from router.drift.watch import UNSEEN, Broken, Watch

FORM = 1  # of what is stored, and of the bets behind it


def write_watch(watch: Watch) -> dict[str, Any]:
    """Numbers only."""
    evidence = {broken.value: known._asdict() for broken, known in watch.evidence.items()}
    own, others, weight = watch.accuracies
    jobs = {"own": own, "weight": weight}
    return {"form": FORM, "evidence": evidence, "accuracies": others, "jobs": jobs, "costs": watch.costs}


def read_watch(stored: Mapping[str, Any]) -> Watch:
    """What `write_watch` made the JSON of; nothing is known where another release did in another form.

    Earlier releases kept the accuracies of all jobs together.
    """
    if stored.get("form") != FORM:
        return UNSEEN
    evidence = {broken: _read_evidence(stored["evidence"][broken.value]) for broken in Broken}
    jobs = stored.get("jobs", {"own": (), "weight": 1.0})
    own = tuple(Seen(job, Tally(*tally), proven) for job, tally, proven in jobs["own"])
    accuracies = Jobs(own=own, others=Tally(*stored["accuracies"]), weight=jobs["weight"])
    return Watch(evidence=evidence, accuracies=accuracies, costs=Tally(*stored["costs"]))


def _read_evidence(stored: Mapping[str, Any]) -> Evidence:
    stakes = tuple(Stake(money, climb, _read_tallies(pending)) for money, climb, pending in stored["stakes"])
    usual = _read_tallies(stored["usual"])
    return Evidence(usual=usual, anchor=stored["anchor"], room=stored["room"], stakes=stakes)


def _read_tallies(stored: Sequence[Sequence[float]]) -> Tallies:
    chosen, drawn = stored
    return Tally(*chosen), Tally(*drawn)
