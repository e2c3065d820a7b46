"""The settings that a strategy file may give to an engine, read before anything is started for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from router.fields import Fields
from router.generation import Capability
from router.strategy import EngineKind, EngineSpec


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """What is known of a server that is not ours."""

    capabilities: frozenset[Capability]  # beyond plain text; several samples are taken for granted
    concurrency: int  # requests in flight
    timeout_seconds: float


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


def read_server_options(spec: EngineSpec) -> ServerOptions:
    """The options of an OpenAI-compatible server."""
    fields = _fields(spec).allow("capabilities", "concurrency", "timeout_seconds")
    names = fields.texts("capabilities") if spec.options.get("capabilities") else ()
    for name in names:
        if name not in list(Capability):
            raise fields.error("capabilities", f"{name!r} is not known; known capabilities: {', '.join(Capability)}")
    return ServerOptions(
        capabilities=frozenset({Capability.SAMPLES, *map(Capability, names)}),
        concurrency=fields.count("concurrency", 16),
        timeout_seconds=float(fields.decimal("timeout_seconds", Decimal(300), low=Decimal("0.001"))),
    )


def read_echo_options(spec: EngineSpec) -> EchoOptions:
    """The options of an engine without a model."""
    fields = _fields(spec).allow("concurrency", "delay_seconds")
    return EchoOptions(
        concurrency=fields.count("concurrency", 64),
        delay_seconds=float(fields.decimal("delay_seconds", Decimal(0))),
    )


def read_local_options(spec: EngineSpec) -> Mapping[str, object]:
    """The options of an engine on this machine, by the names that vLLM has for them."""
    fields = _fields(spec).allow(*LOCAL_OPTIONS)
    return {name: LOCAL_OPTIONS[name](fields, name) for name in fields.values if name in fields}


def _fields(spec: EngineSpec) -> Fields:
    return Fields(spec.options, path=f"engines.{spec.name}.options")


def _read_share(fields: Fields, name: str) -> float:
    return float(fields.decimal(name, low=Decimal("0.01"), high=Decimal(1)))


# Passed on to vLLM as they are. The transformers engine reads dtype and max_num_seqs, its batch; the rest is allowed
# there too, so that one strategy file serves machines with and without vLLM.
LOCAL_OPTIONS: dict[str, Callable[[Fields, str], object]] = {
    "dtype": Fields.text,
    "enforce_eager": Fields.flag,
    "gpu_memory_utilization": _read_share,
    "kv_cache_memory_bytes": Fields.count,
    "max_num_seqs": Fields.count,
    "quantization": Fields.text,
    "tensor_parallel_size": Fields.count,
}
