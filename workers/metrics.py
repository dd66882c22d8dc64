"""The Prometheus page: one collector, read from Postgres and the broker at each scrape; it keeps nothing between two.

Money is never counted in a worker: what dies with a process, or is told by events, can be lost.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import CollectorRegistry, generate_latest, start_wsgi_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from actions import quota
from domain import catalogue
from domain.errors import NotReadyError
from models import metric_reads
from models.engine import db_now
from models.metric_reads import Asked, Sample
from workers.bootstrap import House
from workers.metric_names import BY_NAME, METRICS, Metric, MetricKind
from workers.schedule import wanted_rhythms

PATIENCE_S = 8.0  # Prometheus gives a scrape up after 10 s
MOST_ACCOUNTS = 200  # beyond it one label per account costs more than it tells: they are summed up as "all"
_PATIENCE = text(f"SET LOCAL statement_timeout = '{PATIENCE_S:.0f}s'")
Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that is read for the page."""

    name: str
    read: Callable[[], Iterable[Sample]]


class Collector:
    """What prometheus-client asks at each scrape. One scrape at a time: a second one waits for the first, a moment.

    While a source hangs, scrapes after it do not queue up: they tell that nothing could be read.
    """

    def __init__(self, sources: Iterable[Source], *, patience_s: float = PATIENCE_S) -> None:
        self._sources = tuple(sources)
        self._patience_s = patience_s
        self._one = threading.Lock()

    def describe(self) -> Iterator[Family]:
        """Name every metric without reading anything."""
        return (_family(row) for row in METRICS)

    def collect(self) -> Iterator[Family]:
        """Read every source; what one that is away would have told is missing, and `ads_source_up` says so."""
        samples = self._samples()
        families = {row.name: _family(row) for row in METRICS}
        for sample in _merged(samples):
            families[sample.metric].add_metric(sample.labels, sample.value)
        return (family for family in families.values() if family.samples)

    def _samples(self) -> list[Sample]:
        if not self._one.acquire(timeout=self._patience_s):
            log.warning("a scrape before this one hangs", seconds=self._patience_s)
            return [_up(source, is_up=False) for source in self._sources]
        try:
            return [sample for source in self._sources for sample in _read(source)]
        finally:
            self._one.release()


def collector_of(house: House) -> Collector:
    """Build the collector of a house."""
    return Collector(
        (
            Source(name="postgres", read=lambda: _of_postgres(house)),
            Source(name="redis", read=lambda: _of_redis(house)),
            Source(name="catalogue", read=lambda: _of_catalogue(house)),
        )
    )


def page(collector: Collector) -> str:
    """The page as Prometheus would get it now."""
    return generate_latest(_registry(collector)).decode()


def serve(collector: Collector, *, address: str, port: int) -> WSGIServer:
    """Answer scrapes on a thread of its own until the server that is returned is shut down.

    Raises:
        OSError: the address is taken, or not ours.
    """
    server, _thread = start_wsgi_server(port, addr=address, registry=_registry(collector))
    return server


def _registry(collector: Collector) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _read(source: Source) -> list[Sample]:
    begun_s = time.monotonic()
    try:
        found = list(source.read())
        is_up = True
    except (SQLAlchemyError, NotReadyError) as error:
        log.warning("source of metrics away", source=source.name, cause=type(error).__name__)
        found, is_up = [], False
    took_s = time.monotonic() - begun_s
    return [
        *found,
        _up(source, is_up=is_up),
        Sample(metric="ads_source_seconds", labels=(source.name,), value=took_s),
    ]


def _up(source: Source, *, is_up: bool) -> Sample:
    return Sample(metric="ads_source_up", labels=(source.name,), value=float(is_up))


def _of_postgres(house: House) -> list[Sample]:
    cap = house.settings.max_total_daily_spend
    asked = Asked(
        cap_minor=cap.minor,
        cap_currency=cap.currency,
        cycles=[row.name for row in catalogue.RHYTHMS],
        decay_s=quota.DECAY_S,
        hourly_decay_s=quota.HOURLY_DECAY_S,
    )
    with house.engine.begin() as conn:
        conn.execute(_PATIENCE)
        before_s = time.time()
        now = db_now(conn)
        skew_s = now.timestamp() - (before_s + time.time()) / 2
        found = list(metric_reads.read(conn, asked))
    return [*found, Sample(metric="ads_db_clock_skew_seconds", labels=(), value=skew_s)]


def _of_redis(house: House) -> Iterator[Sample]:
    facts = house.switchboard.broker()
    if facts is None:
        raise NotReadyError("Redis does not answer")
    for name, value in {
        "redis_memory_used_bytes": facts.used_memory_bytes,
        "redis_memory_max_bytes": facts.max_memory_bytes,
        "redis_evicted_keys_total": facts.evicted_keys,
        "redis_connected_clients": facts.clients,
        "redis_aof_last_write_ok": facts.last_write_ok,
        "redis_round_trip_seconds": facts.round_trip_ms / 1000,
        "celery_unacked_messages": facts.unacked,
    }.items():
        yield Sample(metric=name, labels=(), value=float(value))
    queues = [name for lane in catalogue.lanes() for name in catalogue.queues(lane)]
    yield from _by_name("celery_queue_length", house.switchboard.queue_lengths(queues))
    yield from _by_name("celery_queue_age_seconds", house.switchboard.queue_ages(queues))


def _of_catalogue(house: House) -> Iterator[Sample]:
    """How often each cycle's slots come in real time, as beat knocks for them."""
    speed = house.settings.common.stakazo_speed
    for rhythm in wanted_rhythms(house.settings):
        if speed > 0:
            seconds = rhythm.cycle.every.total_seconds() / speed
            yield Sample(metric="ads_cycle_interval_seconds", labels=(rhythm.name,), value=seconds)


def _by_name(metric: str, values: Mapping[str, float]) -> Iterator[Sample]:
    return (Sample(metric=metric, labels=(name,), value=float(value)) for name, value in values.items())


def _merged(samples: list[Sample]) -> Iterable[Sample]:
    """Put the accounts together where there are too many for a label each: money summed, else the worst."""
    accounts = {sample.labels[0] for sample in samples if sample.metric == "ads_account_info"}
    if len(accounts) <= MOST_ACCOUNTS:
        return samples
    kept: list[Sample] = []
    merged: dict[tuple[str, tuple[str, ...]], float] = {}
    for sample in samples:
        labels = BY_NAME[sample.metric].labels
        if sample.metric == "ads_account_info":
            continue
        if "account" not in labels:
            kept.append(sample)
            continue
        place = labels.index("account")
        key = (sample.metric, (*sample.labels[:place], "all", *sample.labels[place + 1 :]))
        before = merged.get(key)
        merged[key] = sample.value if before is None else _together(sample.metric, before, sample.value)
    return [*kept, *(Sample(metric=name, labels=labels, value=value) for (name, labels), value in merged.items())]


def _together(metric: str, one: float, other: float) -> float:
    if metric.endswith(("_minor", "_total")):
        return one + other
    return min(one, other) if metric == "ads_retry_tokens" else max(one, other)


def _family(row: Metric) -> Family:
    make = CounterMetricFamily if row.kind is MetricKind.COUNTER else GaugeMetricFamily
    return make(row.name, row.help, labels=row.labels)
