"""What makes training fast changes nothing that is learnt."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from router.predictor import (
    ByteDropout,
    ConstantDualLinear,
    DualLinear,
    PredictorConfig,
    PredictorNetwork,
    StrategyVectors,
)
from router.training import train_pair

DIMENSION, MEMBERS = 24, 3
CONFIG = PredictorConfig()


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(5)


def unit_vector() -> torch.Tensor:
    return torch.nn.functional.normalize(torch.randn(DIMENSION), dim=0)


def read_vector(layer: DualLinear, vector: torch.Tensor) -> torch.Tensor:
    """The layer's outputs (members, hidden) for one vector, block by block."""
    projected = layer.projection.weight @ vector + layer.projection.bias
    universal: torch.Tensor = layer.universal.weight @ vector + layer.universal.bias
    specific: torch.Tensor = layer.specific(projected)
    return universal + specific


def test_a_layer_that_reads_a_constant_learns_what_a_layer_on_the_vector_itself_would() -> None:
    vector, target = unit_vector(), torch.randn(MEMBERS, CONFIG.hidden)
    torch.manual_seed(5)
    dense = DualLinear(CONFIG, members=MEMBERS, dimension=DIMENSION)
    torch.manual_seed(5)
    narrow = ConstantDualLinear(CONFIG, vector, members=MEMBERS)
    start = narrow().detach()
    assert torch.allclose(start, read_vector(dense, vector), atol=1e-5)
    optimisers = [
        torch.optim.AdamW(layer.parameters(), lr=CONFIG.learning_rate, weight_decay=CONFIG.weight_decay)
        for layer in (dense, narrow)
    ]
    for _ in range(30):
        for optimiser, outputs in zip(optimisers, (read_vector(dense, vector), narrow()), strict=True):
            optimiser.zero_grad()
            torch.square(outputs - target).mean().backward()  # type: ignore[no-untyped-call]  # untyped in torch
            optimiser.step()
    assert (narrow() - start).abs().mean() > 0.1
    assert torch.allclose(narrow(), read_vector(dense, vector), atol=1e-3)


def test_a_vector_of_zeros_says_nothing() -> None:
    layer = ConstantDualLinear(CONFIG, torch.zeros(DIMENSION), members=MEMBERS)
    assert torch.equal(layer(), torch.zeros(MEMBERS, CONFIG.hidden))


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5])
def test_dropout_keeps_its_share_and_the_mean(rate: float) -> None:
    dropout, units = ByteDropout(rate), torch.ones(301, 333)
    dropped = dropout(units)
    assert float((dropped == 0).float().mean()) == pytest.approx(rate, abs=0.01)
    assert float(dropped.mean()) == pytest.approx(1, abs=0.02)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / (1 - rate)][rate == 0 :])
    assert rate == 0 or not torch.equal(dropped, dropout(units))
    assert torch.equal(dropout.eval()(units), units)


def test_each_member_alone_is_the_member_among_all() -> None:
    strategy = StrategyVectors(model=unit_vector(), decoding=unit_vector())
    network = PredictorNetwork(CONFIG, strategy, members=MEMBERS, outputs=2).eval()
    tasks = torch.randn(50, DIMENSION)
    together = network(tasks)
    for member, alone in enumerate(network.evaluate_members([tasks[:20], tasks[20:]])):
        assert torch.allclose(alone, together[20 * member :, member][: len(alone)], atol=1e-5)


def test_training_leaves_the_threads_of_torch_alone_and_does_not_depend_on_them() -> None:
    generator = np.random.default_rng(3)
    embeddings = generator.normal(size=(300, DIMENSION)).astype(np.float32)

    def learn() -> NDArray[np.float32]:
        pair = train_pair(
            embeddings,
            (embeddings[:, 0] > 0).astype(np.float32),
            np.full(300, 9.0),
            model_vector=embeddings[0],
            decoding_vector=embeddings[1],
            config=PredictorConfig(max_steps=20),
            seed=1,
        )
        assert pair.accuracy.network is not None
        return np.asarray(pair.accuracy.network.output.weight.detach().numpy())

    before = torch.get_num_threads()
    learnt = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            learnt.append(learn())
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(learnt[0], learnt[1])
