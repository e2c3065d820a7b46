"""The decoding methods that a strategy file can name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from router.decoding.chain_of_thought import read_chain_of_thought
from router.decoding.choice import read_choice
from router.decoding.direct import read_direct
from router.decoding.few_shot import read_few_shot
from router.decoding.json_object import read_json_object
from router.decoding.plan_then_code import read_plan_then_code
from router.decoding.program_of_thought import read_program_of_thought
from router.decoding.protocol import DecodingMethod
from router.decoding.reasoning_budget import read_reasoning_budget
from router.decoding.sampling import ReadBase, read_best_of_n, read_self_consistency
from router.decoding.structured import read_structured
from router.fields import Fields

Reader = Callable[[Fields], DecodingMethod]
NO_OTHERS: Mapping[str, Reader] = MappingProxyType({})


def read_method(spec: Fields, *, others: Mapping[str, Reader] = NO_OTHERS) -> DecodingMethod:
    """The decoding method that a `decoding` mapping describes; FieldError names the setting that can not be used.

    `others` are methods that are not ours; they are looked at only where the name is none of ours.
    """
    given = spec.values.get("method")
    known = METHODS if given in METHODS else (*METHODS, *others)
    name = spec.one_of("method", known, noun="methods")
    own = {key: value for key, value in spec.values.items() if key not in ("method", "description")}
    settings = Fields(own, path=spec.path)
    if name in SAMPLING_METHODS:
        return SAMPLING_METHODS[name](settings, lambda base: read_method(base, others=others))
    return PLAIN_METHODS[name](settings) if name in PLAIN_METHODS else others[name](settings)


PLAIN_METHODS: Mapping[str, Reader] = {
    "direct": read_direct,
    "few_shot": read_few_shot,
    "chain_of_thought": read_chain_of_thought,
    "choice": read_choice,
    "json_object": read_json_object,
    "structured": read_structured,
    "program_of_thought": read_program_of_thought,
    "reasoning_budget": read_reasoning_budget,
    "plan_then_code": read_plan_then_code,
}

# These draw samples of another method, whichever it is.
SAMPLING_METHODS: Mapping[str, Callable[[Fields, ReadBase], DecodingMethod]] = {
    "self_consistency": read_self_consistency,
    "best_of_n": read_best_of_n,
}

METHODS = (*PLAIN_METHODS, *SAMPLING_METHODS)
