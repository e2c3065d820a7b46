"""Few-shot: worked examples as earlier turns show the model the form of the answer."""

from dataclasses import dataclass
from typing import ClassVar

from router.decoding.constraint import CONSTRAINT_KEYS, check_examples, read_constraint
from router.decoding.conversation import FRAME_KEYS, read_frame
from router.decoding.direct import Direct
from router.fields import Fields


@dataclass(frozen=True, kw_only=True)
class FewShot(Direct):
    """Asks once, after examples; the answer is the text, free or held to a form."""

    name: ClassVar[str] = "few_shot"


def read_few_shot(settings: Fields) -> FewShot:
    """Few-shot from a strategy file's settings."""
    settings.allow(*FRAME_KEYS, "max_tokens", "stop", *CONSTRAINT_KEYS)
    settings.items("examples")
    frame, constraint = read_frame(settings), read_constraint(settings)
    check_examples(settings, frame.examples, constraint)
    max_tokens, stop = settings.tokens("max_tokens"), settings.stops("stop")
    return FewShot(frame=frame, constraint=constraint, max_tokens=max_tokens, stop=stop)
