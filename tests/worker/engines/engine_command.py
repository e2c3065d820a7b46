"""Run by tests as a process of its own: starts the engine `local` stands for, says who answers, waits to be killed.

Arguments: the folder of the weights, a folder for logs, and the modules that shall look as if not installed.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from router.generation import Capability, GenerationRequest, Grammar, Message
from router.strategy import EngineKind, EngineSpec


class Hidden(MetaPathFinder):
    """Makes packages look as if they were not installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


async def main(folder_path: Path, log_dir: Path) -> None:
    from worker.engines.prompt_counter import PromptCounter
    from worker.engines.select import make_engine
    from worker.weights import resolve_model

    folder = resolve_model(str(folder_path), log_dir)
    spec = EngineSpec(name="small", kind=EngineKind.LOCAL, model=str(folder_path), description="", max_model_len=512)
    engine = make_engine(spec, folder=folder, counter=PromptCounter(folder.path), log_dir=log_dir)
    await engine.start()
    completion = await engine.generate(
        GenerationRequest(
            messages=(Message(role="user", content="Is water wet?"),),
            max_tokens=8,
            grammar=Grammar(kind=Capability.CHOICE, choices=("yes", "no")),
        )
    )
    print(json.dumps(engine.identity().to_json() | {"answer": completion.texts[0]}), flush=True)  # noqa: T201 - read by the test
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.meta_path.insert(0, Hidden(sys.argv[3:]))
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
