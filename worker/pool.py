"""The pool of strategies of this command, with what the machine knows about their models."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.orm import Session

from db.strategies import register_strategy
from router.errors import FieldError, StrategyFileError
from router.flops import ModelShape, flops_price
from router.strategy import EngineSpec, Strategy, StrategyPool
from router.strategy_file import parse_strategies
from router.tariff import TOKEN_COUNT, Tariff, TokenPrice
from router.units import Unit
from worker.engines.adapters import find_adapters
from worker.engines.options import check_adapters, check_options, read_local_options
from worker.engines.prompt_bound import PromptBound
from worker.engines.prompt_counter import PromptCounter
from worker.errors import StrategyFileUnreadable
from worker.installed_methods import InstalledMethods
from worker.weights import ModelFolder, resolve_model

DEFAULT_CONTEXT_TOKENS = 4096  # where none is declared and no weights tell


@dataclass(frozen=True, kw_only=True, eq=False)
class ServedModel:
    """One engine's model as this machine sees it."""

    spec: EngineSpec
    folder: ModelFolder | None  # None: no weights here
    counter: PromptCounter | PromptBound
    context_tokens: int  # prompt and answer together


@dataclass(frozen=True, kw_only=True, eq=False)
class PricedStrategy:
    """A strategy with its price and its model."""

    strategy: Strategy
    tariff: Tariff
    model: ServedModel


@dataclass(frozen=True, kw_only=True, eq=False)
class ServingPool:
    """Every strategy that this command may use, in the file's order."""

    source: Path
    strategies: tuple[PricedStrategy, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies' names."""
        return tuple(priced.strategy.name for priced in self.strategies)

    @property
    def models(self) -> Mapping[str, ServedModel]:
        """The models in use, by engine name."""
        return {priced.strategy.engine.name: priced.model for priced in self.strategies}

    def keep(self, positions: Sequence[int]) -> "ServingPool":
        """The pool of these strategies alone."""
        return ServingPool(source=self.source, strategies=tuple(self.strategies[position] for position in positions))


def read_strategy_file(path: Path) -> StrategyPool:
    """The pool that a YAML file declares; StrategyFileUnreadable or StrategyFileError names what is wrong and where."""
    try:
        document = yaml.load(read_strategy_text(path), _StrictLoader)  # noqa: S506  a SafeLoader, stricter
    except yaml.YAMLError as error:
        raise StrategyFileUnreadable(f"{path}: is not YAML: {' '.join(str(error).split())}") from None
    declared = parse_strategies(document, source=str(path), other_methods=InstalledMethods())
    try:
        for engine in declared.engines.values():
            check_options(engine)
        check_adapters(declared.strategies)
    except FieldError as error:
        raise StrategyFileError(f"{path}: {error}") from None
    return declared


def read_strategy_text(path: Path) -> str:
    """A strategy file as its owner wrote it, line ends and all."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        raise StrategyFileUnreadable(f"{path}: no such strategy file; examples/strategies.yaml shows one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StrategyFileUnreadable(f"{path}: can not be read: {error}") from None


def load_pool(path: Path, *, cache_directory: Path, wanted: Callable[[Strategy], bool] = lambda _: True) -> ServingPool:
    """The wanted strategies of a file, models and adapters found on this machine; MissingWeights names what is not."""
    strategies = tuple(filter(wanted, read_strategy_file(path).strategies))
    used = {strategy.engine.name: strategy.engine for strategy in strategies}
    models = {name: _find_model(spec, cache_directory) for name, spec in used.items()}
    priced = [
        PricedStrategy(
            strategy=strategy,
            tariff=_price(strategy, models[strategy.engine.name]),
            model=models[strategy.engine.name],
        )
        for strategy in strategies
    ]
    return ServingPool(source=path, strategies=tuple(priced))


def register_pool(session: Session, *, tenant_id: str, pool: ServingPool) -> list[int]:
    """The database ids of the pool's strategies, in its order; what changed gets a new version."""
    return [
        register_strategy(
            session,
            tenant_id=tenant_id,
            name=priced.strategy.name,
            spec_hash=priced.strategy.spec_hash,
            spec=_describe(priced.strategy),
            tariff=priced.tariff.to_json(),
        ).id
        for priced in pool.strategies
    ]


def _describe(strategy: Strategy) -> dict[str, object]:
    adapter = {} if strategy.adapter is None else {"adapter": strategy.adapter}
    engine = {"engine": strategy.engine.name, "model": strategy.engine.model, **adapter}
    return {**engine, "decoding": dict(strategy.decoding_spec)}


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key given twice is an error: the default keeps the last one and says nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for number, key in enumerate(keys):
            if key in keys[:number]:
                mark = node.value[number][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is given twice", mark)
        return super().construct_mapping(node, deep=deep)


def _find_model(spec: EngineSpec, cache_directory: Path) -> ServedModel:
    if not spec.kind.has_weights:
        context = spec.max_model_len or DEFAULT_CONTEXT_TOKENS
        return ServedModel(spec=spec, folder=None, counter=PromptBound(), context_tokens=context)
    find_adapters(read_local_options(spec).adapters, engine=spec.name)
    folder = resolve_model(spec.model, cache_directory)
    return ServedModel(
        spec=spec,
        folder=folder,
        counter=PromptCounter(folder.path),
        context_tokens=min(spec.max_model_len or folder.context_tokens, folder.context_tokens),
    )


def _price(strategy: Strategy, model: ServedModel) -> Tariff:
    declared = strategy.tariff
    prices: dict[Unit, TokenPrice] = {Unit.TOKENS: TOKEN_COUNT}
    if (shape := _find_shape(model)) is not None:
        terms = declared.flops
        prices[Unit.FLOPS] = flops_price(shape, reference=terms.reference, cached_prompt=terms.cached_prompt)
    return Tariff(
        version=declared.version,
        prices=prices | dict(declared.prices),
        source=f"strategy {strategy.name}",
        sources=declared.sources,
    )


def _find_shape(model: ServedModel) -> ModelShape | None:
    """The model's size; of one that is not here only what is declared, head included, attention unknown."""
    if model.folder is not None:
        return model.folder.shape
    parameters = model.spec.active_parameters or model.spec.parameters
    if parameters is None:
        return None
    return ModelShape(matrix_parameters=parameters, head_parameters=0, layers=0, attention_width=0)
