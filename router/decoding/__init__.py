"""Decoding methods: how a model is asked, and how its answer is read. One file each; `registry.METHODS` lists them."""

from router.decoding.one_request import OneRequest
from router.decoding.protocol import Asking, DecodingMethod, FollowUp, Stage
from router.decoding.task_prompt import TaskPrompt, parse_task_prompt

__all__ = ["Asking", "DecodingMethod", "FollowUp", "OneRequest", "Stage", "TaskPrompt", "parse_task_prompt"]
