"""Reads the engines and strategies that a strategy file declares."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from router.declared_tariff import DeclaredTariff, parse_declared_tariff
from router.decoding.registry import NO_OTHERS, Reader, read_method
from router.errors import FieldError, StrategyFileError, TariffError
from router.fields import Fields, quote
from router.strategy import EngineKind, EngineSpec, Strategy, StrategyPool

# Fields that only some kinds of engine have.
FIELDS_OF_KINDS = {
    "base_url": (EngineKind.OPENAI,),
    "api_key_env": (EngineKind.OPENAI,),
    "parameters": (EngineKind.OPENAI, EngineKind.ECHO),
    "active_parameters": (EngineKind.OPENAI, EngineKind.ECHO),
}
LEAST_WATTS = Decimal("0.001")
ENGINE_FIELDS = (
    *("kind", "model", "description", "max_model_len", "options", "tariff", "rated_watts"),
    *FIELDS_OF_KINDS,
)


def parse_strategies(document: object, *, source: str, other_methods: Mapping[str, Reader] = NO_OTHERS) -> StrategyPool:
    """The pool that a parsed strategy file describes; StrategyFileError names the file, the place and the remedy.

    `other_methods` are decoding methods that are not ours.
    """
    if not isinstance(document, Mapping):
        found = "is empty" if document is None else f"must be a mapping, got {quote(document)}"
        raise StrategyFileError(f"{source}: {found}: declare engines and strategies, as examples/strategies.yaml does")
    try:
        fields = Fields(document, path="").allow("engines", "strategies")
        engines = _read_engines(fields)
        return StrategyPool(engines=engines, strategies=_read_strategies(fields, engines, other_methods))
    except FieldError as error:
        place = f"{error.path}: " if error.path else ""
        raise StrategyFileError(f"{source}: {place}{error.reason}") from None


def _read_engines(fields: Fields) -> dict[str, EngineSpec]:
    declared = fields.inner("engines")
    if not declared.values:
        raise fields.error("engines", "must name at least one engine")
    return {name: _read_engine(name, declared.inner(name)) for name in declared.values}


def _read_engine(name: str, fields: Fields) -> EngineSpec:
    fields.allow(*ENGINE_FIELDS)
    kind = EngineKind(fields.one_of("kind", EngineKind, noun="kinds"))
    _check_server_fields(fields, kind)
    return EngineSpec(
        name=name,
        kind=kind,
        model=fields.text("model"),
        description=fields.text("description"),
        max_model_len=fields.tokens("max_model_len") if "max_model_len" in fields else None,
        base_url=fields.optional_text("base_url"),
        api_key_env=fields.optional_text("api_key_env"),
        parameters=fields.count("parameters") if "parameters" in fields else None,
        active_parameters=_read_active_parameters(fields),
        rated_watts=float(fields.decimal("rated_watts", low=LEAST_WATTS)) if "rated_watts" in fields else None,
        tariff=_read_tariff(fields),
        options=fields.inner("options").values if "options" in fields else {},
    )


def _check_server_fields(fields: Fields, kind: EngineKind) -> None:
    if kind is EngineKind.OPENAI:
        url = fields.text("base_url")
        if not url.startswith(("http://", "https://")):
            raise fields.error("base_url", f"must start with http:// or https://, got {url!r}")
    for key, kinds in FIELDS_OF_KINDS.items():
        if key in fields and kind not in kinds:
            raise fields.error(key, f"is only for the kind {' or '.join(kinds)}; the kind here is {kind}")


def _read_active_parameters(fields: Fields) -> int | None:
    if "active_parameters" not in fields:
        return None
    return fields.count("active_parameters", most=fields.count("parameters"))


def _read_strategies(
    fields: Fields, engines: Mapping[str, EngineSpec], other_methods: Mapping[str, Reader]
) -> tuple[Strategy, ...]:
    items = [Fields(item, path=path) for path, item in fields.items("strategies")]
    strategies = [_read_strategy(item, engines, other_methods) for item in items]
    _check_distinct(strategies)
    return tuple(strategies)


def _read_strategy(fields: Fields, engines: Mapping[str, EngineSpec], other_methods: Mapping[str, Reader]) -> Strategy:
    fields.allow("name", "engine", "adapter", "decoding", "tariff", "tags")
    decoding = fields.inner("decoding")
    method = read_method(decoding, others=other_methods)
    engine = engines[fields.one_of("engine", engines, noun="engines")]
    return Strategy(
        name=fields.text("name"),
        engine=engine,
        decoding=method,
        decoding_spec=decoding.values,
        decoding_text=decoding.text("description", method.description),
        tariff=_read_own_tariff(fields, engine),
        tags=fields.texts("tags", ()),
        adapter=fields.text("adapter") if "adapter" in fields else None,
    )


def _read_own_tariff(fields: Fields, engine: EngineSpec) -> DeclaredTariff:
    tariff = engine.tariff.refine(_read_tariff(fields))
    if tariff.flops.reference is not None and not engine.kind.has_weights:
        raise fields.error("tariff.FLOPs.attention_at", f"needs the layers of a local model; {engine.name} has none")
    return tariff


def _read_tariff(fields: Fields) -> DeclaredTariff:
    if "tariff" not in fields:
        return DeclaredTariff()
    declared = fields.inner("tariff")
    try:
        return parse_declared_tariff(declared.values)
    except TariffError as error:
        place, _, reason = str(error).partition(": ")
        raise declared.error(place, reason) from None


def _check_distinct(strategies: Sequence[Strategy]) -> None:
    first_by_name: dict[str, int] = {}
    first_by_content: dict[tuple[str, str], int] = {}
    for index, strategy in enumerate(strategies):
        first = first_by_name.setdefault(strategy.name, index)
        if first != index:
            taken = f"{strategy.name!r} is already the name of strategies[{first}]"
            raise FieldError(f"strategies[{index}].name", taken)
        first = first_by_content.setdefault((strategy.engine.name, strategy.spec_hash), index)
        if first != index:
            twin = f"strategies[{first}] ({strategies[first].name!r})"
            raise FieldError(f"strategies[{index}].decoding", f"asks {strategy.engine.name} just as {twin} does")
