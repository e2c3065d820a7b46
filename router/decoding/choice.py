"""Choice: the answer is one of the options that the prompt names, and can be nothing else."""

from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import Constraint
from router.decoding.conversation import FRAME_KEYS, read_frame
from router.decoding.direct import Direct
from router.decoding.options import DEFAULT_OPTIONS_PATTERN, compile_list_pattern
from router.fields import Fields


@dataclass(frozen=True, kw_only=True)
class Choice(Direct):
    """Asks once; the grammar leaves the model nothing but the prompt's own options."""

    name: ClassVar[str] = "choice"


def read_choice(settings: Fields) -> Choice:
    """Choice from a strategy file's settings."""
    settings.allow(*FRAME_KEYS, "max_tokens", "options_pattern")
    pattern = compile_list_pattern(settings, "options_pattern", DEFAULT_OPTIONS_PATTERN)
    constraint = Constraint(options_pattern=pattern)
    return Choice(frame=read_frame(settings), constraint=constraint, max_tokens=settings.tokens("max_tokens"))
