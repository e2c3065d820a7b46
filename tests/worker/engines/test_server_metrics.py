"""What is read out of a server's metrics, and of what is none."""

from hypothesis import given
from hypothesis import strategies as st

from worker.engines.server_metrics import ServerLoad, read_server_load

METRICS = """
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="small"} 3.0
vllm:num_requests_running{engine="1",model_name="sm}all \\"x\\""} 4.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="small"} 1.2e+01
vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 12.0
vllm:kv_cache_usage_perc{engine="0",model_name="small"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="small"} 0.5
python_info{version="3.11"} 1.0
"""


def test_engines_are_added_up_and_the_fullest_cache_counts() -> None:
    assert read_server_load(METRICS) == ServerLoad(running=7, waiting=12, kv_cache_share=0.5)


def test_a_server_that_does_not_tell_its_cache_tells_the_rest() -> None:
    text = "vllm:num_requests_running 1\nvllm:num_requests_waiting 0\n"
    assert read_server_load(text) == ServerLoad(running=1, waiting=0, kv_cache_share=None)


def test_metrics_of_something_else_are_none() -> None:
    assert read_server_load("sglang:num_running_reqs 3\n") is None
    assert read_server_load("<html>not found</html>") is None
    assert read_server_load("vllm:num_requests_running NaN\nvllm:num_requests_waiting +Inf\n") is None
    assert read_server_load("vllm:num_requests_running{ 3\nvllm:num_requests_waiting x\n") is None


@given(text=st.text())
def test_whatever_a_server_writes_is_no_error(text: str) -> None:
    read_server_load(f"vllm:num_requests_running {text}\nvllm:num_requests_waiting{{{text}}} {text}")
