"""A strategy: a model plus a decoding method; and the pool a strategy file declares."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum

import msgspec

from router.declared_tariff import DeclaredTariff
from router.decoding.protocol import DecodingMethod
from router.generation import ADAPTED, Capability, GenerationRequest
from router.units import Unit


class EngineKind(StrEnum):
    """What runs a model."""

    LOCAL = "local"  # vLLM where it is installed, transformers otherwise
    VLLM = "vllm"  # vLLM in this process
    TRANSFORMERS = "transformers"  # transformers in this process
    OPENAI = "openai"  # a server that speaks OpenAI's HTTP API
    ECHO = "echo"  # no model: the prompt's last line is the answer

    @property
    def has_weights(self) -> bool:
        """Whether the model's weights are on this machine: then its tokenizer and its size are known."""
        return self in {EngineKind.LOCAL, EngineKind.VLLM, EngineKind.TRANSFORMERS}


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """A model and what runs it, as the strategy file declares it."""

    name: str
    kind: EngineKind
    model: str  # "package:NAME", a folder, or a hub name
    description: str
    max_model_len: int | None = None  # tokens of prompt and answer together; None leaves it to the model
    base_url: str | None = None  # of a server, with its /v1
    api_key_env: str | None = None  # the environment variable that holds the server's key
    parameters: int | None = None  # weights of a model that is not on this machine, for its FLOPs
    active_parameters: int | None = None  # those that a token passes through, where they are fewer
    rated_watts: float | None = None  # what its devices draw at work, for joules where nothing measures them
    tariff: DeclaredTariff = field(default_factory=DeclaredTariff)  # prices of whatever strategy it serves
    options: Mapping[str, object] = field(default_factory=dict)  # settings that only this kind of engine knows


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """One thing a task can be routed to."""

    name: str
    engine: EngineSpec
    decoding: DecodingMethod
    decoding_spec: Mapping[str, object]  # as the strategy file has it
    decoding_text: str  # how the model is asked, for the predictors' representation of the decoding method
    tariff: DeclaredTariff = field(default_factory=DeclaredTariff)  # its own before its engine's prices
    tags: tuple[str, ...] = ()
    adapter: str | None = None  # whose weights answer, of those that the engine has beside the model's own

    @property
    def needs(self) -> frozenset[Capability]:
        """What its engine must be able to do."""
        return self.decoding.needs if self.adapter is None else self.decoding.needs | ADAPTED

    def address(self, request: GenerationRequest) -> GenerationRequest:
        """The decoding method's request, to whoever answers for this strategy."""
        return request if self.adapter is None else msgspec.structs.replace(request, adapter=self.adapter)

    @property
    def units(self) -> frozenset[Unit]:
        """The units in which it has a price on whatever machine: its own, tokens, FLOPs where its size is known."""
        sized = self.engine.kind.has_weights or self.engine.parameters is not None
        return frozenset({*self.tariff.prices, Unit.TOKENS, *([Unit.FLOPS] if sized else [])})

    @property
    def model_text(self) -> str:
        """What the model is, for the predictors' representation of the model."""
        adapted = "" if self.adapter is None else f" with adapter {self.adapter}"
        return f"{self.engine.model}{adapted}: {self.engine.description}"

    @property
    def description(self) -> str:
        """Model and decoding method in one text, for people."""
        return f"{self.model_text}. {self.decoding_text}"

    @property
    def spec_hash(self) -> str:
        """Equal for strategies that give the same answers: of the weights and every decoding setting, defaults too."""
        decisive = {"model": self.engine.model, "decoding": list_settings(self.decoding)}
        if self.adapter is not None:
            decisive["adapter"] = self.adapter
        canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class StrategyPool:
    """The engines and strategies of one strategy file, in its order; names are unique in each."""

    engines: Mapping[str, EngineSpec]
    strategies: tuple[Strategy, ...]

    @property
    def units(self) -> frozenset[Unit]:
        """The units in which every strategy has a price."""
        return frozenset(Unit).intersection(*(strategy.units for strategy in self.strategies))


def list_settings(value: object) -> object:
    """A decoding method's settings as plain JSON, the methods it wraps included."""
    if is_dataclass(value) and not isinstance(value, type):
        settings = {item.name: list_settings(getattr(value, item.name)) for item in fields(value)}
        return {"type": _name_type(type(value)), **settings}
    if isinstance(value, tuple):
        return [list_settings(item) for item in value]
    return value


def _name_type(kind: type) -> str:
    """The name of one of our methods; with its module that of anybody else's, which may be called the same."""
    own = kind.__module__.startswith("router.")
    return kind.__name__ if own else f"{kind.__module__}.{kind.__qualname__}"
