"""The kinds of grader that a task can name."""

from collections.abc import Callable, Mapping

from router.errors import FieldError, GraderError
from router.fields import Fields
from router.grading.choice import read_choice
from router.grading.code_tests import read_code_tests
from router.grading.contains_all import read_contains_all
from router.grading.exact import read_exact
from router.grading.f1 import read_f1
from router.grading.grader import Grader, GradingRule, OutsideRule
from router.grading.json_fields import read_json_fields
from router.grading.json_schema import read_json_schema
from router.grading.judge import read_judge
from router.grading.normalised import read_normalised
from router.grading.numeric import read_numeric
from router.grading.properties import read_properties
from router.grading.regex import read_regex


def parse_grader(value: object) -> Grader:
    """The grader that a task's line describes; GraderError names the field, and the known kinds for an unknown one."""
    try:
        fields = Fields(value, path="grader")
        kind = fields.one_of("kind", GRADERS, noun="kinds")
        return Grader(kind=kind, reference=fields.required("reference"), rule=GRADERS[kind](fields))
    except FieldError as error:
        raise GraderError(str(error)) from None


GRADERS: Mapping[str, Callable[[Fields], GradingRule | OutsideRule]] = {
    "exact": read_exact,
    "normalised": read_normalised,
    "numeric": read_numeric,
    "choice": read_choice,
    "regex": read_regex,
    "json_fields": read_json_fields,
    "json_schema": read_json_schema,
    "contains_all": read_contains_all,
    "properties": read_properties,
    "f1": read_f1,
    "code": read_code_tests,
    "judge": read_judge,
}
