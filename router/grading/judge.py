"""Judge: another model reads the answer and scores it by a rubric.

The verdict is no function of the answer alone: `judge_prompt` says what the judge is asked and how its reply is read.
"""

from dataclasses import dataclass

from router.fields import Fields

LONGEST_RUBRIC = 20_000  # characters; it is part of every prompt
HIGHEST_SCORE = 100


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What the judge is told to look for."""

    rubric: str
    highest: int  # the score of an answer that meets all of the rubric; the lowest is 0
    passing: int | None  # None: the grade is the score's share of the highest


def read_judge(fields: Fields) -> Judge:
    """Judge from a grader's fields; `reference` is the rubric, a text or a list of criteria."""
    fields.allow("kind", "reference", "highest", "passing")
    criteria = fields.text_or_texts("reference")
    rubric = criteria[0] if len(criteria) == 1 else "\n".join(f"- {criterion}" for criterion in criteria)
    if len(rubric) > LONGEST_RUBRIC:
        raise fields.error(
            "reference", f"has {len(rubric)} characters, and a rubric at most {LONGEST_RUBRIC}: shorten it"
        )
    highest = fields.count("highest", 10, most=HIGHEST_SCORE)
    return Judge(
        rubric=rubric,
        highest=highest,
        passing=fields.count("passing", most=highest) if "passing" in fields else None,
    )
