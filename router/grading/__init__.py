"""Graders: answer + reference -> label. One file each; `registry.GRADERS` lists them."""

from router.grading.grader import Grader, grade
from router.grading.registry import parse_grader

__all__ = ["Grader", "grade", "parse_grader"]
