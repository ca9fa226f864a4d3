"""`fieldmap serve`: takes webhooks, and loads what came."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fieldmap.cli.console import err, exiting, out, plural, say
from fieldmap.cli.numbers import whole
from fieldmap.cli.workspace import Workspace
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FieldmapError, StoppedError, UsageError
from fieldmap.runtime.plan import PushConnector, PushResource
from fieldmap.runtime.ports import Ports

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.desk import Desk
    from fieldmap.runtime.acquire.senders import Sender
    from fieldmap.runtime.acquire.webhooks import Webhooks
    from fieldmap.runtime.store.database import Database

Hooks = dict[str, tuple[PushResource, "Sender"]]

_ENDS_WITHIN = 5.0  # seconds that loading has to come to its end when the service is told to
_OWN = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: fieldmap serve · fieldmap serve events.orders --port 8080 --every 30s")(exiting(serve))


def serve(
    resources: Annotated[
        list[str] | None, typer.Argument(help="Resources of connectors that are push; all if none is named.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="The address to listen at; another one than this machine's is reached from outside."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", parser=whole("--port", most=65535), help="The port to listen at; 0 for any."),
    ] = 8800,
    every: Annotated[str, typer.Option("--every", help="How often what came is loaded: 5s, 1m.")] = "10s",
    archive_only: Annotated[bool, typer.Option("--archive-only", help="Only archive; a sync loads it.")] = False,
    largest: Annotated[
        int,
        typer.Option(
            "--largest",
            parser=whole("--largest", least=1, most=256),
            help="The largest body, in MB.",
        ),
    ] = 8,
    certificate: Annotated[Path | None, typer.Option("--certificate", help="A PEM file, to speak https.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The PEM file of its key.")] = None,
) -> int:
    """Takes webhooks at /connector/resource. A delivery is answered with 200 when it is durable in the archive, not before.

    Ends with SIGTERM or Ctrl-C, after what is under way. Exit code 0 then.
    """
    from fieldmap.cli.sweeping import seconds_of

    pause = seconds_of(every)
    for file in (certificate, key):
        if file is not None and not file.is_file():
            raise UsageError(f"There is no file {file}")
    if (certificate is None) != (key is None):
        raise UsageError("--certificate and --key go together; give both")
    files = (certificate.absolute(), key.absolute()) if certificate is not None and key is not None else None
    workspace = Workspace.here()
    bundle = workspace.bundle(None)
    ports = Ports.real(workspace.state)
    hooks = _hooks(bundle, resources or [], ports)
    with contextlib.chdir(workspace.root), _listening(host, port) as listening, contextlib.ExitStack() as opened:
        database = None if archive_only else opened.enter_context(workspace.database())
        from fieldmap.runtime.acquire.desk import Desk

        names = [resource.name for resource, _ in hooks.values()]
        desk = opened.enter_context(Desk(workspace.archive(), names, ports))
        for name, cut in desk.cut.items():
            err().print(f"{name}: {cut}")
        service = _Service(workspace, bundle, ports, hooks, desk, database, pause, largest << 20)
        _say_open(hooks, listening, host, https=files is not None)
        return asyncio.run(service.run(listening, files))


def _hooks(bundle: Bundle, named: list[str], ports: Ports) -> Hooks:
    """By path. Raises UsageError."""
    from fieldmap.cli.pushing import pushed
    from fieldmap.runtime.acquire.senders import Sender

    hooks: Hooks = {}
    for connector in map(bundle.connector, bundle.catalogue.connectors):
        if isinstance(connector, PushConnector):
            wanted = [one for one in connector.resources if not named or one.name in named]
            if wanted:
                sender = Sender(connector, os.environ, ports.clock)
                hooks |= {"/" + one.name.replace(".", "/"): (one, sender) for one in wanted}
    for name in named or ([] if hooks else ["events.orders"]):
        pushed(bundle, name)
    return hooks


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        opened = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(
            f"{host} port {port} cannot be listened at ({error.strerror or error}); choose another --port or --host"
        ) from None
    with opened:
        yield opened


def _say_open(hooks: Hooks, listening: socket.socket, host: str, *, https: bool) -> None:
    shown = f"[{host}]" if ":" in host else host
    at = f"{'https' if https else 'http'}://{shown}:{listening.getsockname()[1]}"
    for path in hooks:
        out().print(f"listening at {at}{path}", soft_wrap=True)
    if host not in _OWN and not https:
        err().print(
            "warning: this is reached from outside without https; put a proxy before it, or give --certificate and --key"
        )
    import sys

    sys.stdout.flush()


class _Service:
    def __init__(
        self,
        workspace: Workspace,
        bundle: Bundle,
        ports: Ports,
        hooks: Hooks,
        desk: Desk,
        database: Database | None,
        pause: int,
        largest: int,
    ) -> None:
        from fieldmap.runtime.acquire.webhooks import Webhooks

        self._workspace = workspace
        self._bundle = bundle
        self._ports = ports
        self._names = [resource.name for resource, _ in hooks.values()]
        self._desk = desk
        self._database = database
        self._pause = pause
        self._webhooks: Webhooks = Webhooks(hooks, desk, ports, self._told, largest=largest)
        self._ended = asyncio.Event()

    async def run(self, listening: socket.socket, files: tuple[Path, Path] | None) -> int:
        import uvicorn

        ended = self._ended

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                """As uvicorn does, but a signal ends the service and not, once more, the process."""
                loop = asyncio.get_running_loop()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, self.handle_exit, number, None)
                try:
                    yield
                finally:
                    ended.set()

        config = uvicorn.Config(
            self._webhooks.application(),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            limit_concurrency=500,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=20,
            h11_max_incomplete_event_size=64 << 10,
            http="h11",
            ws="none",
            ssl_certfile=str(files[0]) if files else None,
            ssl_keyfile=str(files[1]) if files else None,
        )
        loading = asyncio.create_task(self._loads())
        try:
            await Server(config).serve(sockets=[listening])
        finally:
            ended.set()
            self._ports.stop.set()
            _, late = await asyncio.wait([loading], timeout=_ENDS_WITHIN)
            if late:
                loading.cancel()
                err().print("what is not loaded yet is loaded by the next sync or serve")
            await self._desk.close_sweeps()
        out().print(
            f"stopped after {plural(self._webhooks.stored, 'delivery', 'deliveries')}; all of them are in the archive"
        )
        return 0

    async def _loads(self) -> None:
        """Loads what came, again and again, until the service ends; what is left then is loaded by the next sync or serve."""
        first = True
        while not self._ended.is_set():
            try:
                if await self._desk.close_sweeps() or first:
                    await _in_thread(self._load)
                first = False
            except StoppedError:
                return
            except FieldmapError as error:
                self._told(str(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._pause)

    def _load(self) -> None:
        from fieldmap.cli.operate import limits_of
        from fieldmap.cli.progress import RunProgress
        from fieldmap.runtime.run import Run

        if self._database is None:
            return
        with RunProgress(quiet=True) as progress:
            limits = limits_of(self._workspace, self._bundle)
            run = Run(
                self._bundle, self._workspace.archive(), self._database, self._ports, os.environ, progress, limits
            )
            report = run.load(self._names)
        for resource, sentence in report.failed.items():
            self._told(f"{resource}: {sentence}")
        read = sum(loaded.counts.read for loaded in report.maps.values())
        dead = sum(loaded.counts.dead for loaded in report.maps.values())
        if read:
            more = f", {plural(dead, 'dead letter')}: fieldmap dlq" if dead else ""
            out().print(f"loaded {plural(read, 'record')}{more}")

    def _told(self, text: str) -> None:
        say(err(), f"error: {text}", indent=len("error: "))


async def _in_thread(work: Callable[[], None]) -> None:
    """As `asyncio.to_thread`, in a thread that nobody waits for when the process ends: a page of a large batch takes its time, and the
    database takes back what was not committed."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def end(error: BaseException | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as caught:  # noqa: BLE001  (raised where it is waited for)
            error = caught
        # Once the loop is closed nobody waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(end, error)

    threading.Thread(target=run, name="fieldmap-load", daemon=True).start()
    await done
