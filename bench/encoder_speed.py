"""What an encoder costs, and how its vectors differ from another's."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.encoder_candidates import CANDIDATES, Candidate
from router.prompt_features import describe_prompts
from worker.encoder import BATCH_TEXTS

FloatArray = NDArray[np.float32]

FEATURES_ALONE = "prompt features alone"
ROUNDS = 3


class Agreement(NamedTuple):
    """How near vectors are to the default's; NaN where nothing can be compared."""

    cosine: float  # mean over texts, of vectors of equal dimension
    similarity: float  # correlation between two encoders' cosines of pairs of texts


def pick_evenly(texts: Sequence[str], count: int) -> list[str]:
    """At most this many of the texts, spread over their order."""
    return [texts[place] for place in np.linspace(0, len(texts) - 1, min(count, len(texts))).round().astype(int)]


def time_encoders(candidates: Mapping[str, Candidate], texts: Sequence[str]) -> dict[str, float]:
    """Texts a CPU second of each encoder, and of the prompt features; the best of three rounds, in turn."""
    calls: dict[str, Callable[[Sequence[str]], object]] = {
        **{name: candidate.encoder.encode for name, candidate in candidates.items()},
        FEATURES_ALONE: describe_prompts,
    }
    for call in calls.values():
        call(texts[:1])  # loaded before it is timed
    seconds = dict.fromkeys(calls, np.inf)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = time.process_time()
            call(texts)
            seconds[name] = min(seconds[name], time.process_time() - started)
    return {name: len(texts) / took for name, took in seconds.items()}


def compare_vectors(vectors: FloatArray, default: FloatArray) -> Agreement:
    """Vectors (texts, d) beside the default's (texts, d of its own)."""
    if vectors.shape[1] == 0:
        return Agreement(float("nan"), float("nan"))
    own, other = _scale(vectors), _scale(default)
    pairs = np.triu_indices(len(own), k=1)
    return Agreement(
        cosine=float((own * other).sum(axis=1).mean()) if own.shape == other.shape else float("nan"),
        similarity=float(np.corrcoef((own @ own.T)[pairs], (other @ other.T)[pairs])[0, 1]),
    )


def measure_drift(candidate: Candidate, texts: Sequence[str]) -> float:
    """The largest 1 - cosine between a text's vector among others and alone: 0 where its company does not matter."""
    batch = list(texts[:BATCH_TEXTS])
    together = _scale(candidate.encoder.encode(batch))
    alone = _scale(np.concatenate([candidate.encoder.encode([text]) for text in batch]))
    return float(1 - (together * alone).sum(axis=1).min())


def measure_load(name: str, *, cache: Path) -> float:
    """Seconds to the first vector in a process of its own, imports included."""
    command = [sys.executable, "-m", "bench.encoder_speed", name, "--cache", str(cache)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])


def _scale(vectors: FloatArray) -> NDArray[np.float64]:
    """To unit length, which float16 keeps to three digits only."""
    exact = vectors.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True))


def main() -> None:
    """Load one encoder and say how long it took."""
    parser = argparse.ArgumentParser(description="Prints the seconds that an encoder takes to its first vector.")
    parser.add_argument("name", choices=CANDIDATES)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    started = time.monotonic()
    CANDIDATES[arguments.name](arguments.cache).encoder.encode(["What is 2 + 2?"])
    print(time.monotonic() - started)


if __name__ == "__main__":
    main()
