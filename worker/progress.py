"""What a running job tells those who watch it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from router.units import Unit


class Stage(StrEnum):
    """What the command is busy with; a name to show to people."""

    DATABASE = "Opening the database"
    UPLOADING = "Uploading"
    MODELS = "Finding models"
    ALLOCATOR = "Loading the allocator"  # compiled when a machine first uses it: some ten seconds, once
    ENCODING = "Encoding prompts"
    PLANNING = "Planning"
    ENGINES = "Starting engines"
    ANSWERING = "Answering"
    FINISHING = "Finishing"
    TRAINING = "Training predictors"
    PLACING = "Placing the strategy"
    RECORDING = "Reading the recording"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a stage is."""

    stage: Stage
    done: int = 0
    total: int = 0  # 0: not known
    unit: Unit | None = None
    spent: int = 0  # quanta
    reserved: int = 0
    cap: int | None = None
    mix: Mapping[str, int] | None = None  # answers so far by strategy
    correct: float = 0.0  # over graded answers so far
    graded: int = 0


Watch = Callable[[Progress], None]
