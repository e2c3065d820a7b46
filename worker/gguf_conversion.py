"""Turns a GGUF file into a folder that every local engine reads, once, and safely for two commands at once."""

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.engines.errors import EngineMisconfigured

# A folder written by an older layout of ours is never read: its name carries this number.
LAYOUT = 1
# bfloat16 against GGUF's 4 to 5 bits a weight is 3.6 times the size; the rest is headroom.
BYTES_NEEDED_PER_GGUF_BYTE = 5

logger = logging.getLogger(__name__)


def hash_file(path: Path) -> str:
    """The SHA-256 of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def convert_gguf(gguf: Path, *, source_hash: str, cache_dir: Path) -> Path:
    """The folder with a GGUF file's weights as bfloat16; made on first use (20 s for 135M weights, 1 GB of memory).

    It appears whole or not at all. A second command that needs it waits for the first.
    """
    folder = cache_dir / f"{gguf.stem}-{source_hash[:12]}-v{LAYOUT}"
    if folder.is_dir():
        return folder
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _locked(cache_dir / f".{folder.name}.lock"):
            if not folder.is_dir():
                _convert_into(gguf, folder)
    except OSError as error:
        raise EngineMisconfigured(f"can not write the converted model to {cache_dir}: {error}") from error
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel drops when its process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _convert_into(gguf: Path, folder: Path) -> None:
    prefix = f".{folder.name}.partial-"
    for leftover in folder.parent.glob(f"{prefix}*"):  # of a command that was killed; we hold the lock
        shutil.rmtree(leftover, ignore_errors=True)
    needed, free = gguf.stat().st_size * BYTES_NEEDED_PER_GGUF_BYTE, shutil.disk_usage(folder.parent).free
    if free < needed:
        raise EngineMisconfigured(
            f"{folder.parent} has {free / 1e6:.0f} MB free, converting {gguf.name} needs {needed / 1e6:.0f} MB"
        )
    partial = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    logger.info("converting %s, once", gguf.name)
    try:
        _save_dense(gguf, partial)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _save_dense(gguf: Path, folder: Path) -> None:
    try:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
        from transformers.utils import logging as transformers_logging
    except ImportError as error:
        raise EngineMisconfigured(f"converting {gguf.name} needs transformers, gguf and accelerate: {error}") from error
    transformers_logging.disable_progress_bar()
    try:
        AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        model.save_pretrained(folder)
        folder.chmod(0o755)  # mkdtemp and safetensors make them private, but the cache may be shared by several users
        for path in folder.iterdir():
            path.chmod(0o644)
    except Exception as error:  # a full disk surfaces as several libraries' own types
        raise EngineMisconfigured(f"could not convert {gguf}: {error}") from error
