"""A server whose model judges."""

import asyncio
import re
import threading
from typing import Any

from tests.worker.engines.stub_server import Reply, json_reply

SCORES = {"good": 8, "poor": 1}  # of 10; an answer "odd" confuses the judge


class JudgeServer:
    """Scores the quoted answer, and says nothing that can be read of an odd one; after `most` replies it is down."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.calm = False  # then odd answers are scored as well
        self.refuses = False  # then every prompt is turned down
        self.speaks = threading.Event()  # while it is not set, replies wait
        self.speaks.set()

    async def __call__(self, path: str, body: dict[str, Any]) -> Reply:
        if path == "/v1/models":
            return json_reply({"data": [{"id": "m"}]})
        if path == "/metrics":
            return json_reply({}, status=404)
        if self.refuses:
            return json_reply({"error": {"message": "no such prompts"}}, status=400)
        prompt = body["messages"][-1]["content"]
        nonce = re.findall(r"<answer (\w+)>", prompt)[0]
        answer = re.findall(rf"<answer {nonce}>\n(.*)\n</answer {nonce}>", prompt, re.DOTALL)[0]
        self.asked.append(answer)
        await asyncio.to_thread(self.speaks.wait)
        score = SCORES.get(answer, 5 if self.calm else None)
        text = "hard to say" if score is None else f"It is {answer}.\nSCORE {nonce}: {score}"
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return json_reply({"choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 10}})
