"""Mixtures of experts: sizes from published configs, beside the numbers that their makers publish."""

from typing import Any

import pytest

from router.sparse_shape import read_attention_width, read_sparse_shape

EXPERT_KEYS = ("num_local_experts", "num_experts", "n_routed_experts")

MIXTRAL = {
    **{"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32},
    **{"num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8, "num_experts_per_tok": 2},
    "vocab_size": 32_000,
}
QWEN2_57B = {
    **{"model_type": "qwen2_moe", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28},
    **{"num_attention_heads": 28, "num_key_value_heads": 4, "num_experts": 64, "num_experts_per_tok": 8},
    **{"moe_intermediate_size": 2560, "shared_expert_intermediate_size": 20480, "vocab_size": 151_936},
    "decoder_sparse_step": 1,
}
QWEN15_MOE = {
    **{"model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24},
    **{"num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4},
    **{"moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "vocab_size": 151_936},
}
QWEN3_30B = {
    **{"model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 48},
    **{"num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128},
    **{"num_experts_per_tok": 8, "moe_intermediate_size": 768, "vocab_size": 151_936, "mlp_only_layers": []},
}
QWEN3_235B = {
    **QWEN3_30B,
    **{"hidden_size": 4096, "num_hidden_layers": 94, "num_attention_heads": 64, "moe_intermediate_size": 1536},
}
DEEPSEEK_V2_LITE = {
    **{"model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944, "num_hidden_layers": 27},
    **{"num_attention_heads": 16, "n_routed_experts": 64, "num_experts_per_tok": 6, "n_shared_experts": 2},
    **{"moe_intermediate_size": 1408, "first_k_dense_replace": 1, "moe_layer_freq": 1, "kv_lora_rank": 512},
    **{"q_lora_rank": None, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128},
    "vocab_size": 102_400,
}
DEEPSEEK_V3 = {
    **{"model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "num_hidden_layers": 61},
    **{"num_attention_heads": 128, "n_routed_experts": 256, "num_experts_per_tok": 8, "n_shared_experts": 1},
    **{"moe_intermediate_size": 2048, "first_k_dense_replace": 3, "moe_layer_freq": 1, "kv_lora_rank": 512},
    **{"q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128},
    "vocab_size": 129_280,
}


@pytest.mark.parametrize(
    ("config", "total", "active"),
    [  # billions, as published, embedding and head included
        pytest.param(MIXTRAL, 46.7, 12.9, id="Mixtral-8x7B"),
        pytest.param(QWEN2_57B, 57.4, 14, id="Qwen2-57B-A14B"),
        pytest.param(QWEN15_MOE, 14.3, 2.7, id="Qwen1.5-MoE-A2.7B"),
        pytest.param(QWEN3_30B, 30.5, 3.3, id="Qwen3-30B-A3B"),
        pytest.param(QWEN3_235B, 235, 22, id="Qwen3-235B-A22B"),
        pytest.param(DEEPSEEK_V3, 671, 37, id="DeepSeek-V3"),
    ],
)
def test_total_and_active_parameters_are_those_published(config: dict[str, Any], total: float, active: float) -> None:
    (experts,) = (config[key] for key in EXPERT_KEYS if key in config)
    assert count_billions(config) == pytest.approx(active, rel=0.02)
    assert count_billions({**config, "num_experts_per_tok": experts}) == pytest.approx(total, rel=0.002)


def count_billions(config: dict[str, Any]) -> float:
    """With embedding and head, each of its own."""
    shape = read_sparse_shape(config)
    assert shape is not None
    return (shape.matrix_parameters + 2 * shape.head_parameters) / 1e9


def count(config: dict[str, Any]) -> int:
    shape = read_sparse_shape(config)
    assert shape is not None
    return shape.matrix_parameters


def test_deepseek_v2_lite_is_counted_without_its_embeddings() -> None:
    """Published are 15.7 billion in all, 2.4 active: those without the embedding, counted by hand here."""
    attention = 2048 * 16 * 192 + 2048 * (512 + 64) + 512 * 16 * (128 + 128) + 16 * 128 * 2048
    sparse = 64 * 2048 + (6 + 2) * 3 * 2048 * 1408
    shape = read_sparse_shape(DEEPSEEK_V2_LITE)
    assert shape is not None
    assert shape.matrix_parameters == 27 * attention + 3 * 2048 * 10944 + 26 * sparse
    assert (shape.matrix_parameters + shape.head_parameters) / 1e9 == pytest.approx(2.4, abs=0.06)
    assert shape.attention_width == 16 * (192 + 128)


def test_dense_layers_of_qwen_are_counted_as_such() -> None:
    base = count(QWEN3_30B)
    some = count({**QWEN3_30B, "mlp_only_layers": [0, 5]})
    half = count({**QWEN3_30B, "decoder_sparse_step": 2})
    difference = 3 * 2048 * 6144 - 2048 * (128 + 8 * 3 * 768)
    assert some - base == 2 * difference
    assert half - base == 24 * difference


def test_a_dense_model_is_left_to_its_weights() -> None:
    assert read_sparse_shape({"model_type": "llama", "hidden_size": 8}) is None


@pytest.mark.parametrize(
    ("config", "width"),
    [
        ({"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3}, 9 * 128),
        ({"hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128}, 16 * 256),
        ({"hidden_size": 8}, 16),
        (DEEPSEEK_V3, 128 * (192 + 128)),
    ],
)
def test_attention_is_as_wide_as_all_query_heads(config: dict[str, Any], width: int) -> None:
    """Fewer heads of keys and values make a smaller cache, not fewer products."""
    assert read_attention_width(config) == width
