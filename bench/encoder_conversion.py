"""Other forms of the packaged MiniLM, each made once, into the cache folder."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from worker.encoder import PACKAGED_MODEL

STATIC_DIMENSION = 256  # model2vec's own choice


def distil_static(packaged: Path, made: Path) -> Path:
    """One vector a word piece, of which a text's is the mean: a folder for sentence-transformers; takes a minute.

    The model's output for each word piece alone, principal components, weights by Zipf's law (model2vec's `distill`).
    No text is used.
    """

    def distil(folder: Path) -> None:
        from model2vec.distill import distill

        static = distill(str(packaged), pca_dims=STATIC_DIMENSION, device="cpu")
        static.config["tokenizer_name"] = PACKAGED_MODEL  # in the place of a path: equal models have equal hashes
        static.save_pretrained(folder)

    return make_once(made, distil)


def quantise_products(weights: Path, made: Path) -> Path:
    """A network in ONNX whose matrix products are computed in eight bits, inputs scaled as they come; takes 10 s."""

    def quantise(file: Path) -> None:
        import onnxruntime
        from onnxruntime.quantization import QuantType, quantize_dynamic

        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(file.with_suffix(".folded"))  # weights as float32 again
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        quantize_dynamic(
            options.optimized_model_filepath,
            file,
            op_types_to_quantize=["MatMul"],
            per_channel=True,  # one scale a matrix: mean cosine to float32 .952, one a channel: .994
            weight_type=QuantType.QInt8,
        )

    return make_once(made, quantise)


def make_once(path: Path, make: Callable[[Path], None]) -> Path:
    """The path, made where it is missing; it appears whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{path.name}.partial-", dir=path.parent) as folder:
            partial = Path(folder) / path.name
            make(partial)
            os.replace(partial, path)
    return path
