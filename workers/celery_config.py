"""Celery's settings, each with its reason (facts/celery.md, last section). Values only."""

from typing import Any

import beat_schedule
from domain.catalogue import RHYTHMS
from workers import schedule
from workers.queues import all_queues
from workers.settings import Settings

HARD_LIMIT_S = 600.0  # a cycle's target is 5 min; the run row's attempts carry what is cut off
SOFT_LIMIT_S = 570.0
SOFT_SHUTDOWN_S = 15.0
CONTROLS_AT_ONCE = (
    4  # a remote-control call holds one connection while it takes a second: all of them must fit the pool
)
_SOCKETS = {
    "socket_connect_timeout": 5.0,
    "socket_keepalive": True,
    "health_check_interval": 15,
    "priority_steps": [0],  # one key per queue instead of four
}


def worker_config(settings: Settings, broker_url: str) -> dict[str, Any]:
    """Everything for workers, beat and Flower."""
    return {
        **common_config(broker_url),
        "include": [
            "tasks.ab_testing",
            "tasks.api_client",
            "tasks.autonomy",
            "tasks.budget_spikes",
            "tasks.collector",
            "tasks.control",
            "tasks.creative_intelligence",
            "tasks.executor",
            "tasks.full_cycle",
            "tasks.optimization",
            "tasks.orphans",
            "tasks.real_time",
            "tasks.roas_engine",
            "tasks.ticks",
        ],  # by name: they are above us
        "broker_transport_options": {
            **_SOCKETS,
            # Of connections whose other end is gone without a word each is waited for in turn, and pub/sub for two
            # checks: with 30 s and 15 s no message was taken for 90 s (I-23), with these for 20 s.
            "socket_timeout": 5.0,
            "health_check_interval": 10,
            "visibility_timeout": 900,  # above the hard limit, else running tasks are delivered again
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
        },
        # Early acknowledgement and no prefetch: the one setting in which a Redis restart killed no worker.
        "task_acks_late": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "task_reject_on_worker_lost": False,
        "task_time_limit": HARD_LIMIT_S,
        "task_soft_time_limit": SOFT_LIMIT_S,
        "worker_soft_shutdown_timeout": SOFT_SHUTDOWN_S,  # works only together with REMAP_SIGTERM=SIGQUIT
        "worker_proc_alive_timeout": 20.0,  # a new process connects to Postgres first, which may not answer
        "worker_lost_wait": 1.0,  # a killed process answers no more; for these seconds its place is still taken
        "worker_max_tasks_per_child": 500,
        "worker_max_memory_per_child": settings.common.worker_memory_mb * 1024 // 2,  # kB, looked at after each task
        "worker_send_task_events": True,  # Flower lives on events; nothing of ours does
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "beat_schedule": {
            **beat_schedule.build(RHYTHMS, schedule.overrides(settings), settings.common.stakazo_speed),
            **beat_schedule.build_control(),
        },
        "beat_max_loop_interval": 5,
    }


def sender_config(broker_url: str) -> dict[str, Any]:
    """For doorbells and the switchboard: short timeouts, one attempt, so that nobody waits for a broker."""
    return {
        **common_config(broker_url),
        "broker_transport_options": {
            **_SOCKETS,
            "socket_connect_timeout": 1.0,
            "socket_timeout": 2.0,
            "max_retries": 1,
            "interval_start": 0.0,
            "interval_step": 0.1,
            "interval_max": 0.1,
        },
        "broker_connection_timeout": 1.0,
        "broker_pool_acquire_timeout": 1.0,
        "broker_pool_limit": 10,  # opened when needed; see CONTROLS_AT_ONCE
    }


def common_config(broker_url: str) -> dict[str, Any]:
    """What both sides must agree on: JSON only, known queues only, no results."""
    return {
        "broker_url": broker_url,
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_queues": all_queues(),
        "task_create_missing_queues": False,
        "task_default_queue": "unrouted",  # exists nowhere: every message names its queue
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "timezone": "UTC",
        "enable_utc": True,
    }
