"""The settings that a strategy file may give to an engine, read before anything is started for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from router.errors import FieldError
from router.fields import Fields, quote, suggest
from router.generation import ADAPTED, Capability
from router.strategy import EngineKind, EngineSpec, Strategy


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """What is known of a server that is not ours."""

    capabilities: frozenset[Capability]  # beyond plain text; several samples are taken for granted
    concurrency: int  # the most requests in flight; how many there are is found out
    timeout_seconds: float
    adapters: tuple[str, ...]  # models that the server has beside the engine's own, which are that one adapted


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """How an engine on this machine is set up."""

    settings: Mapping[str, object]  # by the names that vLLM has for them
    adapters: Mapping[str, str]  # folders of adapters, by name
    gpus: tuple[int, ...]  # which of the GPUs that this process sees; empty: all


@dataclass(frozen=True, kw_only=True)
class EchoOptions:
    """What an engine without a model pretends to be."""

    concurrency: int  # requests in flight
    delay_seconds: float  # before each answer


def check_options(spec: EngineSpec) -> None:
    """Nothing, when the spec's options are known and in range; FieldError names the place of one that is not."""
    if spec.kind is EngineKind.OPENAI:
        read_server_options(spec)
    elif spec.kind is EngineKind.ECHO:
        read_echo_options(spec)
    else:
        read_local_options(spec)


def check_adapters(strategies: Sequence[Strategy]) -> None:
    """Nothing, when each strategy's engine has the adapter that it asks; FieldError names one that has not."""
    for index, strategy in enumerate(strategies):
        name, known = strategy.adapter, list_adapters(strategy.engine)
        if name is None or name in known:
            continue
        remedy = f"its adapters: {', '.join(known)}" if known else "declare it in that engine's options, as adapters"
        reason = f"{name!r} is no adapter of engine {strategy.engine.name}{suggest(name, known)}; {remedy}"
        raise FieldError(f"strategies[{index}].adapter", reason)


def list_adapters(spec: EngineSpec) -> tuple[str, ...]:
    """The names of the adapters that the spec declares."""
    if spec.kind is EngineKind.OPENAI:
        return read_server_options(spec).adapters
    return tuple(read_local_options(spec).adapters) if spec.kind.has_weights else ()


def read_server_options(spec: EngineSpec) -> ServerOptions:
    """The options of an OpenAI-compatible server."""
    fields = _fields(spec).allow("adapters", "capabilities", "concurrency", "timeout_seconds")
    names = fields.texts("capabilities") if spec.options.get("capabilities") else ()
    for name in names:
        if name not in list(Capability):
            raise fields.error("capabilities", f"{name!r} is not known; known capabilities: {', '.join(Capability)}")
    adapters = fields.texts("adapters", ())
    return ServerOptions(
        capabilities=frozenset({Capability.SAMPLES, *map(Capability, names)}) | (ADAPTED if adapters else frozenset()),
        adapters=adapters,
        concurrency=fields.count("concurrency", 64),
        timeout_seconds=float(fields.decimal("timeout_seconds", Decimal(300), low=Decimal("0.001"))),
    )


def read_echo_options(spec: EngineSpec) -> EchoOptions:
    """The options of an engine without a model."""
    fields = _fields(spec).allow("concurrency", "delay_seconds")
    return EchoOptions(
        concurrency=fields.count("concurrency", 64),
        delay_seconds=float(fields.decimal("delay_seconds", Decimal(0))),
    )


def read_local_options(spec: EngineSpec) -> LocalOptions:
    """The options of an engine on this machine."""
    fields = _fields(spec).allow("adapters", "gpus", *VLLM_SETTINGS)
    gpus = _read_gpus(fields)
    parallel = fields.count("tensor_parallel_size", 1)
    if gpus and len(gpus) != parallel:
        reason = f"names {len(gpus)} GPUs, but tensor_parallel_size is {parallel}: the two must agree"
        raise fields.error("gpus", reason)
    return LocalOptions(
        settings={name: VLLM_SETTINGS[name](fields, name) for name in VLLM_SETTINGS if name in fields},
        adapters=_read_folders(fields) if "adapters" in fields else {},
        gpus=gpus,
    )


def _fields(spec: EngineSpec) -> Fields:
    return Fields(spec.options, path=f"engines.{spec.name}.options")


def _read_share(fields: Fields, name: str) -> float:
    return float(fields.decimal(name, low=Decimal("0.01"), high=Decimal(1)))


def _read_gpus(fields: Fields) -> tuple[int, ...]:
    """Distinct whole numbers, the first GPU being 0."""
    value = fields.values.get("gpus")
    if value is None:
        return ()
    if not isinstance(value, list) or not value or not all(type(gpu) is int and gpu >= 0 for gpu in value):
        raise fields.error("gpus", f"must be a list of GPU numbers such as [0, 1], got {quote(value)}")
    if len(set(value)) < len(value):
        raise fields.error("gpus", f"names a GPU twice: {quote(value)}")
    return tuple(value)


def _read_folders(fields: Fields) -> dict[str, str]:
    folders = fields.inner("adapters")
    return {name: folders.text(name) for name in folders.values}


# Passed on to vLLM as they are. The transformers engine reads dtype and max_num_seqs, its batch; the rest is allowed
# there too, so that one strategy file serves machines with and without vLLM.
VLLM_SETTINGS: dict[str, Callable[[Fields, str], object]] = {
    "dtype": Fields.text,
    "enforce_eager": Fields.flag,
    "gpu_memory_utilization": _read_share,
    "kv_cache_memory_bytes": Fields.count,
    "max_num_seqs": Fields.count,
    "quantization": Fields.text,
    "tensor_parallel_size": Fields.count,
}
