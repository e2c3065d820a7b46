"""Decoding methods: how a model is asked, and how its answer is read. One file each; `registry.METHODS` lists them."""

from router.decoding.protocol import DecodingMethod
from router.decoding.task_prompt import TaskPrompt, parse_task_prompt

__all__ = ["DecodingMethod", "TaskPrompt", "parse_task_prompt"]
