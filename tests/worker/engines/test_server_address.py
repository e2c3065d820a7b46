"""Where a server is said to be: nobody there, no address, none that HTTP knows."""

import pytest

from tests.worker.engines.engine_loop import EngineLoop
from tests.worker.engines.test_openai_engine import spec_for
from worker.engines.errors import EngineMisconfigured, EngineUnavailable
from worker.engines.openai_engine import OpenAIEngine


def test_nobody_at_the_address_is_not_charged(engine_loop: EngineLoop) -> None:
    engine = OpenAIEngine(spec_for("http://127.0.0.1:9/v1"))
    with pytest.raises(EngineUnavailable) as raised:
        engine_loop.run(engine.start())
    assert not raised.value.charged
    engine_loop.run(engine.stop())


def test_a_missing_address_is_named() -> None:
    with pytest.raises(EngineMisconfigured, match="engine far has no base_url"):
        OpenAIEngine(spec_for(None))


def test_an_address_that_is_none_is_named(engine_loop: EngineLoop) -> None:
    engine = OpenAIEngine(spec_for("ftp://x/v1"))
    with pytest.raises(EngineMisconfigured, match="base_url"):
        engine_loop.run(engine.start())
    engine_loop.run(engine.stop())
