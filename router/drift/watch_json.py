"""A watch as JSON and back: what is kept of it from one look at settlements to the next."""

from collections.abc import Mapping, Sequence
from typing import Any

from router.drift.detector import Evidence, Stake, Tallies
from router.drift.jobs import Jobs, Seen
from router.drift.tally import Tally
from router.drift.watch import UNSEEN, Broken, Doubt, Watch

FORM = 1  # of what is stored, and of the bets behind it


def write_watch(watch: Watch) -> dict[str, Any]:
    """Numbers only."""
    evidence = {broken.value: known._asdict() for broken, known in watch.evidence.items()}
    stored = {"form": FORM, "evidence": evidence, **_write_jobs(watch.accuracies), "costs": watch.costs}
    if watch.doubt is None:
        return stored
    broken, usual, since, accuracies = watch.doubt
    doubt = {"broken": broken.value, "usual": usual._asdict(), "since": since, **_write_jobs(accuracies)}
    return {**stored, "doubt": doubt}


def read_watch(stored: Mapping[str, Any]) -> Watch:
    """What `write_watch` made the JSON of; nothing is known where another release did in another form.

    Earlier releases kept the accuracies of all jobs together, and doubted no alarm.
    """
    if stored.get("form") != FORM:
        return UNSEEN
    evidence = {broken: _read_evidence(stored["evidence"][broken.value]) for broken in Broken}
    doubt = _read_doubt(stored["doubt"]) if "doubt" in stored else None
    return Watch(evidence=evidence, accuracies=_read_jobs(stored), costs=Tally(*stored["costs"]), doubt=doubt)


def _write_jobs(accuracies: Jobs) -> dict[str, Any]:
    own, others, weight = accuracies
    return {"accuracies": others, "jobs": {"own": own, "weight": weight}}


def _read_jobs(stored: Mapping[str, Any]) -> Jobs:
    jobs = stored.get("jobs", {"own": (), "weight": 1.0})
    own = tuple(Seen(job, Tally(*tally), proven) for job, tally, proven in jobs["own"])
    return Jobs(own=own, others=Tally(*stored["accuracies"]), weight=jobs["weight"])


def _read_doubt(stored: Mapping[str, Any]) -> Doubt:
    usual, since = _read_evidence(stored["usual"]), _read_tallies(stored["since"])
    return Doubt(Broken(stored["broken"]), usual, since, _read_jobs(stored))


def _read_evidence(stored: Mapping[str, Any]) -> Evidence:
    stakes = tuple(Stake(money, climb, _read_tallies(pending)) for money, climb, pending in stored["stakes"])
    usual = _read_tallies(stored["usual"])
    return Evidence(usual=usual, anchor=stored["anchor"], room=stored["room"], stakes=stakes)


def _read_tallies(stored: Sequence[Sequence[float]]) -> Tallies:
    chosen, drawn = stored
    return Tally(*chosen), Tally(*drawn)
