"""How much of a job's money exploring uses, from window to window: so that each window is planned once."""

from dataclasses import replace

from worker.exploration_terms import ExplorationTerms

LEAST_SHARE = 1e-4  # of the money, also where nothing that is tried can cost more than the best
HEADROOM = 1.25  # of what the last window used: one that can use more may, and windows after it more again


class ExplorationPace:
    """What the job's last window used. Of one router."""

    def __init__(self) -> None:
        self._share_used: float | None = None

    def expect(self, terms: ExplorationTerms) -> ExplorationTerms | None:
        """Terms under which no more is set aside than exploring is likely to use; None where nothing says how much."""
        if self._share_used is None:
            return None
        return self._limit(terms, HEADROOM * self._share_used)

    def note(self, terms: ExplorationTerms, share_used: float | None) -> ExplorationTerms | None:
        """The terms that are just enough for a window that used so much; None: it had nothing to explore."""
        self._share_used = share_used
        return None if share_used is None else self._limit(terms, share_used)

    def _limit(self, terms: ExplorationTerms, share: float) -> ExplorationTerms:
        return replace(terms, share=min(terms.share, max(LEAST_SHARE, share)))
