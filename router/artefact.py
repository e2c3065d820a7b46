"""A folded pair as bytes: safetensors with JSON metadata, loaded without executing anything."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from router.blend import Shares
from router.clusters import ClusterMeans
from router.errors import PredictorArtefactError
from router.figures import Fallback, TrainingFigures
from router.fold import FoldedNetwork, FoldedPair
from router.horizon import Horizon, unbounded_horizon
from router.linear import LinearHead
from router.platt import PlattScaling
from router.token_scaling import TokenScaling

FORMAT_VERSION = 4  # raised when an older reader would misread the arrays
WITHOUT_HORIZON = 3  # read as it was written: such a pair says of far tasks what it always said
METADATA_KEY = "apportion"
DIGEST_KEY = "sha256"
HEADER_LENGTH_BYTES = 8  # safetensors: little-endian length, then the JSON header, then the arrays

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class PairMetadata:
    """Whose predictor it is, what it reads and how good it was on held-out outcomes."""

    strategy: str  # name
    strategy_hash: str  # what decided the strategy's answers when its outcomes were made
    encoder: str  # name and content hash; another encoder's embeddings mean nothing to it
    seed: int
    figures: TrainingFigures


class LoadedPair(NamedTuple):
    """An artefact read back."""

    pair: FoldedPair
    metadata: PairMetadata


def dump_pair(pair: FoldedPair, metadata: PairMetadata) -> bytes:
    """The pair as safetensors bytes; equal pairs give equal bytes. PredictorArtefactError for one with a NaN in it."""
    arrays: Arrays = {
        **_network_arrays("accuracy", pair.accuracy),
        **_network_arrays("tokens", pair.tokens),
        "clusters.centroids": pair.clusters.centroids,
        "clusters.accuracy": pair.clusters.accuracy,
        "clusters.output_tokens": pair.clusters.output_tokens,
        "linear.weight": pair.linear.weight,
        "linear.bias": pair.linear.bias,
        "horizon.weight": pair.horizon.weight,
        "horizon.scalars": np.array([pair.horizon.bias, pair.horizon.spread], dtype=np.float64),
        "linear.scalars": np.array([pair.linear.log_tokens_limit, pair.linear.smearing], dtype=np.float64),
        "scalars": np.array([pair.smearing, *pair.shares, *pair.platt, *pair.token_scaling], dtype=np.float64),
    }
    try:
        _check_numbers(arrays)
    except ValueError as error:
        raise PredictorArtefactError(
            f"the predictor of strategy {metadata.strategy} was not learnt: {error}"
        ) from error
    header = {"format_version": FORMAT_VERSION, "dimension": pair.dimension, **asdict(metadata)}
    return seal(arrays, header)


def seal(arrays: Arrays, header: dict[str, Any]) -> bytes:
    """Arrays and our header as bytes that tell whether any of them has changed since."""
    text = json.dumps({**header, DIGEST_KEY: _digest(arrays, header)}, sort_keys=True)
    return bytes(safetensors.numpy.save(arrays, metadata={METADATA_KEY: text}))  # of two keys the order is random


def load_pair(artefact: bytes, *, encoder: str) -> LoadedPair:
    """The pair and its metadata; PredictorArtefactError when damaged, of another format or of another encoder."""
    header = _read_header(artefact)
    digest = header.pop(DIGEST_KEY, None)
    _check_reader(header, encoder=encoder)
    try:
        arrays: Arrays = safetensors.numpy.load(artefact)
        if _digest(arrays, header) != digest:
            raise ValueError("not all of its bytes are as they were written")
        _check_numbers(arrays)
        metadata = _metadata_of(header)
        pair = _pair_of(arrays, bounded=header["format_version"] != WITHOUT_HORIZON)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise PredictorArtefactError(
            f"the predictor of strategy {header.get('strategy')} is damaged ({error}): train the strategy again"
        ) from error
    _check_shapes(pair, metadata, dimension=header.get("dimension"))
    return LoadedPair(pair, metadata)


def _network_arrays(prefix: str, network: FoldedNetwork) -> Arrays:
    return {
        f"{prefix}.hidden_weight": network.hidden_weight,
        f"{prefix}.hidden_bias": network.hidden_bias,
        f"{prefix}.output_weight": network.output_weight,
        f"{prefix}.output_bias": np.array([network.output_bias], dtype=np.float64),
    }


def _digest(arrays: Arrays, header: dict[str, Any]) -> str:
    """Of everything that an artefact holds."""
    whole = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        whole.update(f"{name} {array.dtype.str} {array.shape}".encode())
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def _read_header(artefact: bytes) -> dict[str, Any]:
    """Our metadata, before any array is looked at."""
    try:
        length = int.from_bytes(artefact[:HEADER_LENGTH_BYTES], "little")
        header = json.loads(artefact[HEADER_LENGTH_BYTES : HEADER_LENGTH_BYTES + length])
        ours = json.loads(header["__metadata__"][METADATA_KEY])
    except (ValueError, KeyError, TypeError) as error:
        raise PredictorArtefactError(
            f"{len(artefact)} bytes are not a predictor artefact of ours: train the strategy again"
        ) from error
    if not isinstance(ours, dict):
        raise PredictorArtefactError("a predictor artefact has no metadata: train the strategy again")
    return ours


def _check_numbers(arrays: Arrays) -> None:
    for name, array in sorted(arrays.items()):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} has numbers that are not finite")


def _check_reader(header: dict[str, Any], *, encoder: str) -> None:
    strategy = header.get("strategy")
    if header.get("format_version") not in (WITHOUT_HORIZON, FORMAT_VERSION):
        raise PredictorArtefactError(
            f"the predictor of strategy {strategy} has format version {header.get('format_version')}, this program "
            f"reads versions {WITHOUT_HORIZON} to {FORMAT_VERSION}: train the strategy again"
        )
    if header.get("encoder") != encoder:
        raise PredictorArtefactError(
            f"the predictor of strategy {strategy} was trained on embeddings of {header.get('encoder')}, the encoder "
            f"in use is {encoder}: train the strategy again or use its encoder"
        )


def _metadata_of(header: dict[str, Any]) -> PairMetadata:
    figures = {**header["figures"], "fallback": Fallback(header["figures"]["fallback"])}
    return PairMetadata(
        strategy=header["strategy"],
        strategy_hash=header["strategy_hash"],
        encoder=header["encoder"],
        seed=header["seed"],
        figures=TrainingFigures(**figures),
    )


def _pair_of(arrays: Arrays, *, bounded: bool) -> FoldedPair:
    smearing, network_share, linear_share, *scalings = arrays["scalars"].tolist()
    log_tokens_limit, linear_smearing = arrays["linear.scalars"].tolist()
    _, dimension = arrays["linear.weight"].shape
    return FoldedPair(
        accuracy=_network_of("accuracy", arrays),
        tokens=_network_of("tokens", arrays),
        smearing=smearing,
        linear=LinearHead(
            weight=arrays["linear.weight"],
            bias=arrays["linear.bias"],
            log_tokens_limit=log_tokens_limit,
            smearing=linear_smearing,
        ),
        shares=Shares(network_share, linear_share),
        platt=PlattScaling(*scalings[:2]),
        horizon=_horizon_of(arrays) if bounded else unbounded_horizon(dimension),
        token_scaling=TokenScaling(*scalings[2:]),
        clusters=ClusterMeans(
            centroids=arrays["clusters.centroids"],
            accuracy=arrays["clusters.accuracy"],
            output_tokens=arrays["clusters.output_tokens"],
        ),
    )


def _horizon_of(arrays: Arrays) -> Horizon:
    bias, spread = arrays["horizon.scalars"].tolist()
    return Horizon(weight=arrays["horizon.weight"], bias=bias, spread=spread)


def _network_of(prefix: str, arrays: Arrays) -> FoldedNetwork:
    return FoldedNetwork(
        hidden_weight=arrays[f"{prefix}.hidden_weight"],
        hidden_bias=arrays[f"{prefix}.hidden_bias"],
        output_weight=arrays[f"{prefix}.output_weight"],
        output_bias=float(arrays[f"{prefix}.output_bias"][0]),
    )


def _check_shapes(pair: FoldedPair, metadata: PairMetadata, *, dimension: object) -> None:
    shapes = {pair.accuracy.hidden_weight.shape[1:], pair.tokens.hidden_weight.shape[1:], (pair.dimension,)}
    widths = all(
        network.hidden_weight.shape[:1] == network.hidden_bias.shape == network.output_weight.shape
        for network in (pair.accuracy, pair.tokens)
    )
    tables = pair.clusters.accuracy.shape == pair.clusters.output_tokens.shape == pair.clusters.centroids.shape[:2]
    linear = (pair.linear.weight.shape, pair.linear.bias.shape) == ((2, dimension), (2,))
    far = pair.horizon.weight.shape == (dimension,) and pair.horizon.spread > 0
    if shapes != {(dimension,)} or not (widths and tables and linear and far):
        raise PredictorArtefactError(
            f"the predictor of strategy {metadata.strategy} has arrays that do not fit each other or its declared "
            f"dimension {dimension}: train the strategy again"
        )
