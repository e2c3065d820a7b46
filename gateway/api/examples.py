"""The examples of the OpenAPI document: one evening's batch, from its file to why a request went where it did."""

from collections.abc import Mapping, Sequence
from typing import Any

FILE_ID = "file-5c2a9f0e6b7d4a13"
BATCH_ID = "batch_8e41d7c2b0f94a65"
CREATED, ENDED = 1_798_048_800, 1_798_049_112  # seconds since 1970

QUESTION: dict[str, Any] = {
    "model": "auto",
    "messages": [{"role": "user", "content": "Which river flows through Vienna?"}],
}

HEALTH: dict[str, Any] = {"status": "ok"}

ERROR: dict[str, Any] = {
    "error": {
        "message": f"there is no file {FILE_ID}",
        "type": "invalid_request_error",
        "param": "input_file_id",
        "code": "not_found",
    }
}

UPLOAD: dict[str, Any] = {"file": "(the file's content)", "purpose": "batch"}

FILE: dict[str, Any] = {
    "id": FILE_ID,
    "object": "file",
    "bytes": 241_873,
    "created_at": CREATED,
    "expires_at": None,
    "filename": "evening.jsonl",
    "purpose": "batch",
    "status": "processed",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}

DELETED_FILE: dict[str, Any] = {"id": FILE_ID, "object": "file", "deleted": True}

BATCH_ASKED: dict[str, Any] = {
    "input_file_id": FILE_ID,
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
    "budget": {"percent": 25},
}

BATCH: dict[str, Any] = {
    "id": BATCH_ID,
    "object": "batch",
    "endpoint": "/v1/chat/completions",
    "errors": None,
    "input_file_id": FILE_ID,
    "completion_window": "24h",
    "status": "completed",
    "output_file_id": "file-1b7e3d9c5f2048a6",
    "error_file_id": None,
    "created_at": CREATED,
    "in_progress_at": CREATED + 4,
    "expires_at": CREATED + 86_400,
    "finalizing_at": ENDED - 1,
    "completed_at": ENDED,
    "failed_at": None,
    "expired_at": None,
    "cancelling_at": None,
    "cancelled_at": None,
    "request_counts": {"total": 1_000, "completed": 1_000, "failed": 0},
    "metadata": {"night": "1"},
    "usage": {
        "input_tokens": 61_204,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 58_310,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 119_514,
    },
    "spent": {"amount": 0.0187, "unit": "USD", "burned": 0.0, "reserved": 0.0, "overrun": 0.0},
    "routing": {
        "mix": {"small": 731, "large": 269},
        "predicted_accuracy": 0.812,
        "observed_accuracy": 0.807,
        "shadow_price": 1_840.0,
    },
    "skipped_budget": 0,
    "paused": False,
}

CHAT_ASKED: dict[str, Any] = {**QUESTION, "budget": {"name": "team"}}

COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-3f6b2d8a9c0e4175",
    "object": "chat.completion",
    "created": CREATED,
    "model": "small",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The Danube.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 14,
        "completion_tokens": 5,
        "total_tokens": 19,
        "prompt_tokens_details": {"cached_tokens": 0},
    },
    "apportion": {
        "job_id": 12,
        "unit": "tokens",
        "cost": 19,
        "predicted_accuracy": 0.94,
        "predicted_cost": 21.0,
        "price": 0.0004,
    },
}

SAMPLE_ASKED: dict[str, Any] = {
    "requests": [{"custom_id": "task-1", "method": "POST", "url": "/v1/chat/completions", "body": QUESTION}]
}

PLAN: dict[str, Any] = {
    "object": "plan",
    "unit": "tokens",
    "tasks": 1_000,
    "distinct_tasks": 988,
    "planned_on": 988,
    "sampled": False,
    "unservable_tasks": 0,
    "cheapest": 84_000,
    "enough": 652_000,
    "frontier": [
        {"budget": 84_000, "accuracy": 0.71, "low": 0.68, "high": 0.74},
        {"budget": 210_000, "accuracy": 0.83, "low": 0.80, "high": 0.85},
    ],
    "strategies": [
        {
            "strategy": "small",
            "tasks": 1_000,
            "accuracy": 0.71,
            "low": 0.68,
            "high": 0.74,
            "cost": 84_000,
            "worst_cost": 160_000,
        }
    ],
    "suggestions": [
        {
            "reason": "50% of what there is to gain over the cheapest",
            "stated": "121,000 tokens",
            "budget": 121_000,
            "accuracy": 0.77,
            "low": 0.74,
            "high": 0.80,
        }
    ],
    "encoding_seconds": 3.1,
    "planning_seconds": 0.2,
}

FEEDBACK_ASKED: dict[str, Any] = {
    "batch_id": BATCH_ID,
    "labels": [
        {"custom_id": "task-1", "correct": 1},
        {"custom_id": "task-2", "correct": 0.5, "source": "judge"},
    ],
}

FEEDBACK: dict[str, Any] = {"object": "feedback", "job_id": 11, "labels": 2, "new": 2}

DECISION: dict[str, Any] = {
    "id": "task-1",
    "object": "decision",
    "custom_id": "task-1",
    "unit": "tokens",
    "strategy": "large",
    "forecasts": [
        {"strategy": "small", "accuracy": 0.41, "cost": 64.0, "worst_cost": 160.0},
        {"strategy": "large", "accuracy": 0.88, "cost": 212.0, "worst_cost": 640.0},
    ],
    "price": 0.0004,
    "propensity": 1.0,
    "drawn": None,
    "second_chance": None,
    "why": "148 tokens more raise the chance of a right answer from 41% (small) to 88%",
    "status": "answered",
    "cost": 187,
    "correct": 1.0,
    "labels": [
        {
            "source": "person",
            "correct": 1.0,
            "created_at": "2026-12-24T08:00:00Z",
            "given_by": "API key operations",
            "counts": True,
        }
    ],
    "answered_like": None,
}

MODE_ASKED: dict[str, Any] = {"mode": "disabled", "reason": "its server moves tonight"}

STRATEGY: dict[str, Any] = {
    "object": "strategy",
    "name": "large",
    "engine": "big",
    "model": "Qwen/Qwen2.5-7B-Instruct",
    "method": "chain_of_thought",
    "max_output_tokens": 512,
    "tags": ["reasoning"],
    "version": 2,
    "tariff": {"version": 1, "source": "one for each token", "prices": {"tokens": {"prompt": "1", "output": "1"}}},
    "mode": "disabled",
    "mode_change": {
        "changed_by": "API key operations",
        "reason": "its server moves tonight",
        "created_at": "2026-12-23T18:00:00Z",
    },
    "drift": {"outcomes": 420, "log_odds_offset": -0.12, "cost_ratio": 1.04, "alarms": [], "withdrawn": []},
}

PREDICTOR: dict[str, Any] = {
    "object": "predictor",
    "id": 7,
    "strategy": "large",
    "version": 2,
    "encoder": "all-MiniLM-L6-v2",
    "state": "champion",
    "figures": {"outcomes": 4_000, "mean_correct": 0.79, "held_out_log_loss": 0.41},
    "created_at": "2026-12-23T06:00:00Z",
}

PREDICTOR_REPORT: dict[str, Any] = {
    **PREDICTOR,
    "report": {"has_trials": True, "live": [{"outcomes": 900, "verdict": "kept"}]},
    "trial": {"id": 3, "verdict": "promote", "looks": []},
}

BUDGET_ASKED: dict[str, Any] = {"name": "team", "amount": "40000 tokens", "period": "nightly"}

CAP_ASKED: dict[str, Any] = {"amount": "10000 tokens"}

BUDGET: dict[str, Any] = {
    "object": "budget",
    "id": 5,
    "name": "team",
    "unit": "tokens",
    "cap": 40_000,
    "spent": 12_480,
    "burned": 0,
    "reserved": 640,
    "promised": 9_000,
    "overrun": 0,
    "left": 26_880,
    "period": "nightly",
    "period_start": "2026-12-23T12:00:00Z",
    "expected_tasks": None,
}


def _list_of(example: dict[str, Any]) -> dict[str, Any]:
    """A list that is not in pages."""
    return {"object": "list", "data": [example]}


def _page_of(example: dict[str, Any]) -> dict[str, Any]:
    """The last page of a list."""
    return {**_list_of(example), "first_id": example["id"], "last_id": example["id"], "has_more": False}


# By the names of the document's schemas.
EXAMPLES: Mapping[str, Sequence[dict[str, Any]]] = {
    "Health": [HEALTH],
    "ErrorReply": [ERROR],
    "FileObject": [FILE],
    "ListPage_FileObject_": [_page_of(FILE)],
    "DeletedFile": [DELETED_FILE],
    "BatchRequest": [BATCH_ASKED],
    "BatchObject": [BATCH],
    "ListPage_BatchObject_": [_page_of(BATCH)],
    "ChatRequest": [CHAT_ASKED],
    "PlanAsked": [SAMPLE_ASKED, {"input_file_id": FILE_ID}],
    "Plan": [PLAN],
    "Feedback": [FEEDBACK_ASKED],
    "FeedbackTaken": [FEEDBACK],
    "ListPage_DecisionObject_": [_page_of(DECISION)],
    "ModeAsked": [MODE_ASKED],
    "StrategyObject": [STRATEGY],
    "StrategyList": [_list_of(STRATEGY)],
    "PredictorList": [_list_of(PREDICTOR)],
    "PredictorReport": [PREDICTOR_REPORT],
    "NewBudget": [BUDGET_ASKED],
    "CapChange": [CAP_ASKED],
    "BudgetObject": [BUDGET],
    "BudgetList": [_list_of(BUDGET)],
}
