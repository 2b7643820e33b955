"""The backend `dask`: worker processes on this machine, or a cluster that the environment names.

Every fit is guarded against everything: exceptions, time, memory, the death of its worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import importlib.util
import secrets
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import cloudpickle

from modelrun.backends import machine, placement, preflight, tls
from modelrun.backends.backend import Outcome, Work
from modelrun.backends.cluster_process import Order
from modelrun.backends.dispatch import Dispatcher, Settings
from modelrun.backends.guard import grace
from modelrun.backends.loading import loading
from modelrun.backends.placement import Place
from modelrun.backends.worker import Terms
from modelrun.errors import InfrastructureError, UserMistake
from modelrun.plan.task import Task

if TYPE_CHECKING:
    from modelrun.backends.local_cluster import LocalCluster

CONNECT_SECONDS = 60.0
PREFLIGHT_SECONDS = 120.0
TTL_SLACK_SECONDS = 120.0


class DaskBackend:
    """Runs tasks on Dask workers; a context manager."""

    name = "dask"

    def __init__(
        self,
        *,
        address: str | None = None,
        workers: int | None = None,
        quorum: int | None = None,
        startup_seconds: float = 1200.0,
        tls: bool = False,
        dashboard: str | None = None,
        fit_timeout: float = 300.0,
        memory_limit: int | None = None,
        no_workers_seconds: float = 300.0,
        lease_seconds: float = 60.0,
        preload: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        on_workers: Callable[[int], None] | None = None,
        profile: Path | None = None,
    ) -> None:
        """Describe the backend; nothing starts before it is entered.

        Args:
            address: The scheduler of a running cluster; TLS files come from Dask's own
                configuration. None starts a cluster on this machine.
            workers: Worker processes to start on this machine; by default one per processor.
            quorum: Workers that a running cluster must have before fitting starts; by default 1.
                A cluster on this machine always starts with all its workers.
            startup_seconds: How long to wait for them.
            tls: Encrypt the connections of the cluster on this machine.
            dashboard: Where the cluster on this machine shows Dask's dashboard; None for none.
            fit_timeout: The longest that one fit may take, in seconds.
            memory_limit: Bytes of anonymous memory per worker; by default an equal share of the
                machine's memory. 0 for no limit.
            no_workers_seconds: How long a run may be without any worker.
            lease_seconds: A task that is out for longer than this, ten times its expected duration
                and one fit_timeout together is handed out once more; the first answer counts.
            preload: Modules that all workers on this machine will need; where processes can be
                forked safely they are loaded once.
            environment: Further environment variables of workers on this machine.
            on_workers: Called with the number of workers whenever it changes.
            profile: A folder for cProfile files of the workers; None for no profiling.
        """
        self._address = address
        self._wanted = workers if workers is not None else machine.processors()
        self._quorum = self._wanted if address is None else max(1, quorum or 1)
        self._startup_seconds = startup_seconds
        self._tls = tls
        self._dashboard = dashboard
        self._fit_timeout = fit_timeout
        self._memory_limit = memory_limit
        self._no_workers_seconds = no_workers_seconds
        self._lease_seconds = lease_seconds
        self._preload = ("scipy.linalg", *preload)
        self._environment = dict(environment or {})
        self._on_workers = on_workers
        self._profile = profile
        self._token = secrets.token_hex(8)
        self._cluster: LocalCluster | None = None
        self._open_client: Any = None
        self._terms: Terms | None = None
        self._dispatcher: Dispatcher | None = None
        self._placed: list[Place] = []
        self._threads = 0
        self._lost = False
        self.dashboard: str | None = None
        """The address of Dask's dashboard, once the backend is entered."""

    # -- entering and leaving ------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start or connect, wait for the workers and look at them.

        Raises:
            InfrastructureError: There is no scheduler, or there are not enough workers in time,
                or they differ from the runner.
        """
        try:
            self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Stop what was started."""
        self.close()

    def _enter(self) -> None:
        security = self._start_cluster()
        if self._cluster is not None:
            # The cluster loads distributed first: with the fork server it keeps two cores busy.
            self._cluster.connect()
            self._address, self.dashboard = self._cluster.address, self._cluster.dashboard
        with loading(for_good=False):
            import distributed

        machine.raise_file_limit(max(self._wanted, self._quorum))
        import dask

        with dask.config.set({"distributed.comm.timeouts.connect": f"{CONNECT_SECONDS:g}s"}):
            connect: Any = distributed.Client
            try:
                self._open_client = connect(
                    self._address,
                    security=tls.security(security) if security else None,
                    timeout=CONNECT_SECONDS,
                    set_as_default=False,
                    name="modelrun",
                )
            except Exception as error:  # a refused certificate has many faces
                raise InfrastructureError(
                    f"cannot reach the Dask scheduler at {self._address}: {error}"
                ) from error
        try:
            if self._cluster is None:
                self._open_client.run_on_scheduler(
                    machine.raise_file_limit, max(self._wanted, self._quorum)
                )
            self._open_client.run_on_scheduler(_limits, worker_ttl=self._ttl)
            preflight.versions()
            if self._cluster is not None:
                self._cluster.wait()
            self._wait_for_workers()
            self._prepare()
        except OSError as error:
            raise InfrastructureError(
                f"the Dask scheduler at {self._address} was lost before fitting began: {error}"
            ) from error

    def _start_cluster(self) -> dict[str, Any] | None:
        if self._address is not None:
            return None
        from modelrun.backends import begun
        from modelrun.backends.local_cluster import LocalCluster

        if self._dashboard is not None and importlib.util.find_spec("bokeh") is None:
            raise UserMistake("Dask draws its dashboard with bokeh: pip install bokeh")
        security = None
        if self._tls:
            from modelrun.backends import certificates

            security = certificates.issue(dt.datetime.now(dt.UTC)).security()
        order = Order(
            workers=self._wanted,
            security=security,
            dashboard=self._dashboard,
            preload=self._preload,
        )
        if not self._environment:
            self._cluster = begun.take(order)
        if self._cluster is None:
            self._cluster = LocalCluster(order, environment=self._environment)
        return security

    def close(self) -> None:
        """Disconnect and stop the cluster of this machine; may be called twice."""
        if self._open_client is not None:
            client, self._open_client = self._open_client, None
            if self._cluster is None and not self._lost and client.status == "running":
                self._clean(client)
            with contextlib.suppress(Exception):
                client.close(timeout=2)
        if self._cluster is not None:
            cluster, self._cluster = self._cluster, None
            cluster.close()

    def _clean(self, client: Any) -> None:
        """Leave a cluster that is not ours as it was."""
        with contextlib.suppress(Exception):  # it may go away in this moment
            for place in self._placed:
                client.run(placement.remove, place.identity)
                placement.withdraw(client, place)
            client.unregister_worker_plugin("modelrun-watch", nanny=True)
        self._placed.clear()

    @property
    def _client(self) -> Any:
        if self._open_client is None:
            raise InfrastructureError("the backend is not open; use it as a context manager")
        return self._open_client

    @property
    def _ttl(self) -> float:
        return self._fit_timeout + grace(self._fit_timeout) + TTL_SLACK_SECONDS

    # -- workers -------------------------------------------------------------------------------

    def workers(self) -> int:
        """Return how many worker threads there are now, as of the last beat."""
        if self._dispatcher is not None:
            self._threads = self._dispatcher.workers
        return self._threads

    def _wait_for_workers(self) -> None:
        """Wait for the quorum and tell how many there are."""
        end = time.monotonic() + self._startup_seconds
        told = -1
        while True:
            count = self._threads = len(self._client.nthreads())
            if count != told and self._on_workers is not None:
                self._on_workers(count)
            told = count
            if count >= self._quorum:
                return
            if time.monotonic() > end:
                raise InfrastructureError(
                    f"{count} of at least {self._quorum} workers came within "
                    f"{self._startup_seconds:g} s"
                )
            time.sleep(0.1 if self._cluster is not None else 0.5)

    def _prepare(self) -> None:
        """Put the watch on every worker and inspect all workers."""
        from modelrun.backends import nanny

        client = self._client
        limit = self._memory_limit
        info = client.scheduler_info(n_workers=-1)["workers"].values()
        if limit is None:
            hosts = [worker["host"] for worker in info]
            limit = 0
            if self._cluster is not None:
                limit = machine.memory_per_worker(self._wanted)
            elif hosts:
                per_host = max(hosts.count(host) for host in set(hosts))
                limit = min(client.run(machine.memory_per_worker, per_host).values(), default=0)
        patience = grace(self._fit_timeout)
        self._terms = Terms(self._token, patience, limit, profile=self._profile is not None)
        client.register_plugin(nanny.Watch(self._token, grace=patience, memory_limit=limit))
        client.subscribe_topic(nanny.TOPIC, self._hear)
        self._inspect()

    def _inspect(self) -> None:
        seen = self._client.run(preflight.inspect, on_error="return")
        broken = {who: what for who, what in seen.items() if isinstance(what, BaseException)}
        if broken:
            who, what = next(iter(broken.items()))
            raise InfrastructureError(
                f"{len(broken)} of {len(seen)} workers cannot be inspected; {who} says "
                f"{type(what).__name__}: {what}. Is modelrun installed there?"
            )
        if said := preflight.scarce(seen):
            raise InfrastructureError(said)
        rows = preflight.differences(preflight.versions(), seen)
        if rows:
            raise InfrastructureError(
                "workers differ from the runner; use one image (or one environment) for all and "
                "set the thread variables to 1:\n" + preflight.table(rows)
            )

    def place(self, folder: Path, *, beside: str | None) -> Place:
        """Make a study reachable for the workers: a visible folder, a copy, or the scheduler.

        Args:
            folder: The study on this machine.
            beside: An address of fsspec that runner and workers reach; None where there is none.
        """
        if self._cluster is not None:
            return placement.here(folder)
        copy = f"{beside.rstrip('/')}/.study/{self._token}" if beside is not None else None
        place = placement.elsewhere(folder, uri=copy)
        if beside is None:
            placement.serve(self._client, place)
        self._placed.append(place)
        return place

    async def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        if self._dispatcher is not None:
            await self._dispatcher.deaths.hear(event)

    # -- work ----------------------------------------------------------------------------------

    def map(self, work: Work, tasks: Iterable[Task]) -> Iterator[Outcome]:
        """Yield outcomes as they come; every fit of every task appears in exactly one.

        Closing the iterator stops handing out and leaves no task behind.

        Raises:
            InfrastructureError: There are no workers, or the scheduler is gone.
        """
        from joblib import Parallel, delayed
        from joblib.parallel import register_parallel_backend

        from modelrun.backends.joblib_backend import ModelrunBackend

        client = self._client
        loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop
        settings = Settings(
            fit_limit=self._fit_timeout,
            no_workers=self._no_workers_seconds,
            lease=self._lease_seconds,
            on_workers=self._on_workers,
        )
        dispatcher = Dispatcher(
            client, cloudpickle.dumps((work, self._terms)), settings, workers=self._threads
        )
        self._dispatcher = dispatcher
        register_parallel_backend(
            "modelrun", lambda **extra: ModelrunBackend(dispatcher, loop, **extra)
        )
        parallel = Parallel(
            n_jobs=-1,
            backend="modelrun",
            return_as="generator_unordered",
            batch_size=1,
            pre_dispatch="n_jobs",
        )
        results = parallel(delayed(work)(task) for task in tasks)
        try:
            for outcomes in results:
                asyncio.run_coroutine_threadsafe(dispatcher.window.give_back(), loop)
                yield from outcomes
        finally:
            with warnings.catch_warnings():  # joblib warns that a closed iterator was not empty
                warnings.simplefilter("ignore", UserWarning)
                results.close()
            self._threads = dispatcher.workers
            self._lost = dispatcher.failed is not None
            self._dispatcher = None
            if self._profile is not None and not self._lost:
                self._collect_profiles(self._profile)

    def _collect_profiles(self, folder: Path) -> None:
        from modelrun.backends import profile

        with contextlib.suppress(Exception):
            profile.write(folder, self._client.run(profile.collect))


def _limits(dask_scheduler: Any, worker_ttl: float) -> None:
    """Set on a running scheduler what the run's fits need."""
    dask_scheduler.allowed_failures = 0
    dask_scheduler.WORKER_SATURATION = 1.0
    if dask_scheduler.worker_ttl:
        dask_scheduler.worker_ttl = max(dask_scheduler.worker_ttl, worker_ttl)
