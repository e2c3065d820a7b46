"""A private Redis server: the broker of a night on one machine, and of the tests."""

from worker.redis.errors import PrivateRedisError as PrivateRedisError
from worker.redis.server import PrivateRedis as PrivateRedis
from worker.redis.server import run_redis as run_redis
