"""The size of a mixture of experts, as far as one token passes through it, from its Hugging Face config.

Weights files hold every expert, and packed ones not even a number per weight; the config says how many experts serve
a token. Biases and norms, under 0.1 %, are not counted.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from router.flops import ModelShape

Config = Mapping[str, Any]


class _Experts(NamedTuple):
    """What takes the place of the feed-forward part in a sparse layer, in numbers of weights."""

    sparse_layers: int
    experts: int
    chosen: int  # experts that serve a token
    expert_width: int
    shared_width: int  # of experts that serve every token, together
    shared_gate: bool = False  # whether a further row of weights says how much the shared ones count


class _Attention(NamedTuple):
    parameters: int  # of a layer
    width: int  # query heads * (size of a query + size of a value)


def read_sparse_shape(config: Config) -> ModelShape | None:
    """The shape of a token's path; None for a model that is dense, or of a family whose config is not known here."""
    read_experts = EXPERT_READERS.get(config.get("model_type", ""))
    if read_experts is None:
        return None
    experts = read_experts(config)
    attention = _count_latent(config) if "kv_lora_rank" in config else _count_grouped(config)
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    dense = (layers - experts.sparse_layers) * 3 * hidden * config["intermediate_size"]
    return ModelShape(
        matrix_parameters=layers * attention.parameters + dense + _count_sparse(experts, hidden),
        head_parameters=hidden * config["vocab_size"],
        layers=layers,
        attention_width=attention.width,
    )


def read_attention_width(config: Config) -> int:
    """Of one layer: query heads * (size of a query + size of a value); whatever the config does not say is standard."""
    if "num_attention_heads" not in config:
        return 2 * int(config["hidden_size"])
    return (_count_latent(config) if "kv_lora_rank" in config else _count_grouped(config)).width


def _count_sparse(experts: _Experts, hidden: int) -> int:
    gates = experts.experts + experts.shared_gate
    per_token = gates + 3 * (experts.chosen * experts.expert_width + experts.shared_width)
    return experts.sparse_layers * hidden * per_token


def _count_grouped(config: Config) -> _Attention:
    """Grouped-query attention: query and output matrices for all heads, key and value matrices for fewer."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    head_size = config.get("head_dim") or hidden // heads
    key_value_heads = config.get("num_key_value_heads") or heads
    return _Attention(2 * hidden * head_size * (heads + key_value_heads), 2 * heads * head_size)


def _count_latent(config: Config) -> _Attention:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values through a narrow layer."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    query_size = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
    value_size, narrow, query_narrow = config["v_head_dim"], config["kv_lora_rank"], config.get("q_lora_rank")
    query = query_narrow * (hidden + heads * query_size) if query_narrow else hidden * heads * query_size
    key_value = hidden * (narrow + config["qk_rope_head_dim"])
    key_value += narrow * heads * (config["qk_nope_head_dim"] + value_size)
    return _Attention(query + key_value + heads * value_size * hidden, heads * (query_size + value_size))


def _read_mixtral(config: Config) -> _Experts:
    return _Experts(
        sparse_layers=config["num_hidden_layers"],
        experts=config["num_local_experts"],
        chosen=config["num_experts_per_tok"],
        expert_width=config["intermediate_size"],
        shared_width=0,
    )


def _read_qwen(config: Config) -> _Experts:
    """Every `decoder_sparse_step`-th layer is sparse unless it is named dense; Qwen3 has no shared expert."""
    step, dense = config.get("decoder_sparse_step", 1), config.get("mlp_only_layers") or ()
    sparse = [layer for layer in range(config["num_hidden_layers"]) if layer not in dense and not (layer + 1) % step]
    shared_width = config.get("shared_expert_intermediate_size", 0)
    return _Experts(
        sparse_layers=len(sparse),
        experts=config["num_experts"],
        chosen=config["num_experts_per_tok"],
        expert_width=config["moe_intermediate_size"],
        shared_width=shared_width,
        shared_gate=shared_width > 0,
    )


def _read_deepseek(config: Config) -> _Experts:
    """The first layers are dense; some experts serve every token."""
    first_dense, frequency = config.get("first_k_dense_replace", 0), config.get("moe_layer_freq", 1)
    sparse = [layer for layer in range(first_dense, config["num_hidden_layers"]) if not layer % frequency]
    return _Experts(
        sparse_layers=len(sparse),
        experts=config["n_routed_experts"],
        chosen=config["num_experts_per_tok"],
        expert_width=config["moe_intermediate_size"],
        shared_width=(config.get("n_shared_experts") or 0) * config["moe_intermediate_size"],
    )


# By the config's model_type.
EXPERT_READERS: Mapping[str, Callable[[Config], _Experts]] = {
    "mixtral": _read_mixtral,
    "qwen2_moe": _read_qwen,
    "qwen3_moe": _read_qwen,
    "deepseek_v2": _read_deepseek,
    "deepseek_v3": _read_deepseek,
}
