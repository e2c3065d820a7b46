"""The f1 grader scores as SQuAD's own script, and bounds what stuffing an answer can gain."""

import re
import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.grading import grade, parse_grader

words = st.lists(st.sampled_from(["the", "a", "Paris", "paris,", "Seine", "U.S.", "river", "1,000", "-"]), max_size=8)
sentences = words.map(" ".join)


def score_as_squad(prediction: str, truth: str) -> float:
    """evaluate-v1.1.py of SQuAD, for ASCII texts that have a word left each."""

    def tokens(text: str) -> list[str]:
        kept = "".join(character for character in text.lower() if character not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", kept).split()

    shared = sum((Counter(tokens(prediction)) & Counter(tokens(truth))).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(tokens(prediction)), shared / len(tokens(truth))
    return 2 * precision * recall / (precision + recall)


def f1(reference: object, answer: str, **fields: object) -> float | None:
    return grade(parse_grader({"kind": "f1", "reference": reference, **fields}), answer)


@given(sentences, sentences)
def test_it_scores_as_squad_does(answer: str, truth: str) -> None:
    assert f1(f"{truth} end", answer) == pytest.approx(score_as_squad(answer, f"{truth} end"))


@given(sentences, st.lists(sentences.map(lambda text: f"{text} end"), min_size=1, max_size=3))
def test_the_nearest_reference_counts(answer: str, references: list[str]) -> None:
    assert f1(references, answer) == max(f1(reference, answer) or 0.0 for reference in references)


@given(sentences, st.decimals(min_value="0.01", max_value=1, places=2))
def test_a_threshold_makes_right_or_wrong_of_the_score(answer: str, threshold: object) -> None:
    score = f1("Paris river end", answer)
    assert score is not None
    assert f1("Paris river end", answer, threshold=str(threshold)) == float(score >= float(str(threshold)))


@pytest.mark.parametrize(
    ("reference", "answer"),
    [("na\u00efve caf\u00e9", "nai\u0308ve cafe\u0301"), ("Stra\u00dfe", "STRASSE"),
     ("\u201cParis\u201d", "\u00abparis\u00bb"),
     ("Paris", "\uff30\uff41\uff52\uff49\uff53\u3002"), ("don't", "don\u2019t"), ("the Seine", "Seine!"),
     ("Par\u200bis", "paris")],
)  # fmt: skip
def test_writing_alone_costs_nothing(reference: str, answer: str) -> None:
    assert f1(reference, answer) == 1.0


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("Paris " * 1_000, 2 / 1_001),
        ("Paris Lyon Nice", 0.5),
        ("P a r i s", 0.0),
        ("Parisian", 0.0),
        ("the", 0.0),
        ("...", 0.0),
    ],
)
def test_repeating_listing_and_stuffing_lower_the_score(answer: str, score: float) -> None:
    assert f1("Paris", answer) == pytest.approx(score)
