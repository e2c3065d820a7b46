"""Every data set of a folder, each by its loader."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.datasets.coderouterbench import read_coderouterbench
from bench.datasets.embedllm import is_embedllm, read_embedllm
from bench.datasets.errors import DatasetError
from bench.datasets.kor_bench import read_kor_bench
from bench.datasets.llmrouter import read_llmrouter
from bench.datasets.long_form import read_long_form
from bench.datasets.mmlu_pro import read_mmlu_pro
from bench.datasets.outcome_table import OutcomeTable
from bench.datasets.routerbench import is_routerbench, read_routerbench
from bench.datasets.sprout import is_sprout, read_sprout
from bench.datasets.table_file import CSV, read_columns, read_frame
from bench.datasets.theoremqa import read_theoremqa
from bench.datasets.zeroeval import read_zeroeval

SUFFIXES = {".parquet", CSV}
PICKLES = {".pkl", ".pickle"}


def list_files(folder: Path, *, names: Sequence[str] = ()) -> list[Path]:
    """The tables in a folder, or those of these names; DatasetError when there is none, or when one is a pickle."""
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder: name the one that holds the tables")
    files = sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES | PICKLES)
    files = [path for path in files if not names or path.stem in names]
    missing = set(names) - {path.stem for path in files}
    if missing or not files:
        raise DatasetError(f"{folder} holds no table {', '.join(sorted(missing))}".rstrip() + ": see bench/datasets")
    for path in files:
        if path.suffix in PICKLES:
            raise DatasetError(f"{path.name} is a pickle, and opening it would run what is in it: convert it to CSV")
    return files


def read_folder(folder: Path, *, names: Sequence[str] = ()) -> Iterator[OutcomeTable]:
    """The data sets of a folder one after the other."""
    for path in list_files(folder, names=names):
        yield read_file(path)


def read_file(path: Path) -> OutcomeTable:
    """One data set: by the name of a public set, by the columns of a published dump, else as a long-form table."""
    if path.stem in LOADERS:
        try:
            return LOADERS[path.stem](path)
        except KeyError as error:
            raise DatasetError(
                f"{path.name} has no column {error}, which the public set of this name has: see bench/datasets"
            ) from error
    columns = read_columns(path)
    for recognise, read in DUMPS.items():
        if recognise(columns):
            return read(read_frame(path), name=path.stem)
    if path.suffix == CSV:
        raise DatasetError(f"{path.name} has none of the known columns: write a parquet file, docs/outcome-tables.md")
    return read_long_form(path)


LOADERS: dict[str, Callable[[Path], OutcomeTable]] = {
    "coderouterbench_id": read_coderouterbench,
    "kor_bench": read_kor_bench,
    "llmrouter_default": read_llmrouter,
    "mmlu_pro": read_mmlu_pro,
    "routerbench_0shot_sample": read_long_form,
    "theoremqa": read_theoremqa,
    "zeroeval_gsm_math_crux": read_zeroeval,
}
DUMPS = {is_embedllm: read_embedllm, is_routerbench: read_routerbench, is_sprout: read_sprout}
