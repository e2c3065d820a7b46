"""The decoding methods that a strategy file can name."""

from collections.abc import Callable, Mapping
from decimal import Decimal

from router.decoding.chain_of_thought import read_chain_of_thought
from router.decoding.choice import read_choice
from router.decoding.direct import read_direct
from router.decoding.few_shot import read_few_shot
from router.decoding.json_object import read_json_object
from router.decoding.program_of_thought import read_program_of_thought
from router.decoding.protocol import DecodingMethod
from router.decoding.self_consistency import SelfConsistency
from router.fields import Fields
from router.generation import Capability

MOST_SAMPLES = 64


def read_method(spec: Fields) -> DecodingMethod:
    """The decoding method that a `decoding` mapping describes; FieldError names the setting that can not be used."""
    method = spec.one_of("method", METHODS, noun="methods")
    settings = {key: value for key, value in spec.values.items() if key not in ("method", "description")}
    return METHODS[method](Fields(settings, path=spec.path))


def read_self_consistency(settings: Fields) -> SelfConsistency:
    """Self-consistency from a strategy file's settings; it stands here because `base` can be any method."""
    settings.allow("base", "n", "temperature", "top_p", "seed")
    base = read_method(settings.inner("base"))
    if Capability.SAMPLES in base.needs:
        raise settings.error("base.method", f"{base.name} already draws several samples; wrap a method that draws one")
    return SelfConsistency(
        base=base,
        n=settings.count("n", least=2, most=MOST_SAMPLES),
        temperature=float(settings.decimal("temperature", Decimal("0.7"), low=Decimal("0.01"), high=Decimal(2))),
        top_p=float(settings.decimal("top_p", Decimal(1), low=Decimal("0.01"), high=Decimal(1))),
        seed=settings.count("seed", 0, least=0, most=2**31 - 1),
    )


METHODS: Mapping[str, Callable[[Fields], DecodingMethod]] = {
    "direct": read_direct,
    "few_shot": read_few_shot,
    "chain_of_thought": read_chain_of_thought,
    "choice": read_choice,
    "json_object": read_json_object,
    "program_of_thought": read_program_of_thought,
    "self_consistency": read_self_consistency,
}
