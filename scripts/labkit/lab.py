"""`scripts/lab`: the whole house on loopback, and one line of JSON when a call can be placed."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from scripts.labkit import configs, gateways, ports
from scripts.labkit.kept import in_use, kept
from scripts.labkit.options import Options, Refusal, read_options
from scripts.labkit.processes import ROOT, Running, run_once

READY_S = 60.0
OPERATOR = "operator"


class Lab:
    """All processes of a lab. ``description`` is what docs/lab.md says is printed."""

    def __init__(self, options: Options, data: Path, lock: int) -> None:
        self.options = options
        self.data = data
        self._lock = lock
        self.description: dict[str, Any] = {}
        self._running: dict[str, Running] = {}
        self._tokens: dict[str, str] = {}
        self._edges = [f"site-{n + 1}" for n in range(options.edges)]
        self._supervisor: web.AppRunner | None = None

    async def up(self) -> None:
        names = ["web", "tunnel", "simulator", "supervisor"]
        names += [f"{kind}-{edge}" for edge in self._edges for kind in ("status", "proxy", "sip", "server")]
        self._ports = ports.choose(names, self.data / "ports.json")
        await self._start_supervisor()
        network, account = await asyncio.gather(self._start_simulator(), self._found())
        await self._start_cloud()
        await self._start_edges(network)
        await self._wait_until_ready(account, network)
        self._describe(account, network)

    async def down(self) -> None:
        order = [*self._edges, "cloud", "simulator"]
        await asyncio.gather(*(self._running[name].stop() for name in order[:-1] if name in self._running))
        if "simulator" in self._running:
            await self._running["simulator"].stop()
        if self._supervisor is not None:
            await self._supervisor.cleanup()

    async def watch(self) -> None:
        """Return when the simulator has died: without it there is no lab."""
        process = self._running["simulator"].process
        assert process is not None
        await process.wait()

    async def _start_supervisor(self) -> None:
        app = web.Application()
        app.router.add_post("/processes/{name}/restart", self._restart)
        self._supervisor = web.AppRunner(app, access_log=None)
        await self._supervisor.setup()
        await web.TCPSite(self._supervisor, "127.0.0.1", self._ports["supervisor"]).start()

    async def _restart(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        running = self._running.get(name)
        if running is None or name == "simulator":
            known = ", ".join(sorted(set(self._running) - {"simulator"}))
            return web.json_response({"error": f"there is no process {name!r}; there are {known}"}, status=404)
        pid = await running.restart()
        for entry in [*self.description.get("edges", []), *self.description.get("cloud", [])]:
            if entry.get("name", "cloud") == name:
                entry["pid"] = pid
        return web.json_response({"pid": pid})

    async def _start_simulator(self) -> dict[str, Any]:
        options = self.options
        devices = self.data / "devices"
        devices.mkdir(exist_ok=True)
        command = ["-m", "simulator", "--port", str(self._ports["simulator"]), "--device-dir", str(devices)]
        command += ["--modems", str(options.modems), "--speed", str(options.speed), "--seed", str(options.seed)]
        command += ["--operators", str(options.operators)]
        if options.families is not None:
            command += ["--families", options.families]
        command += ["--supervisor-url", f"http://127.0.0.1:{self._ports['supervisor']}"]
        command += ["--state", str(self.data / "network.json")]
        self._boxes = gateways.boxes(options, self._edges, self._ports)
        command += gateways.arguments(options, self._boxes)
        command += ["--smsc"] if options.smsc else []
        if options.tunnel_proxy:
            for edge in self._edges:
                command += ["--tunnel-proxy", f"{edge}={self._ports[f'proxy-{edge}']}:{self._ports['tunnel']}"]
        running = await self._start("simulator", command)
        assert running.process is not None
        assert running.process.stdout is not None
        line = await asyncio.wait_for(running.process.stdout.readline(), READY_S)
        if not line:
            raise Refusal("the simulator did not start; its log says why")
        network: dict[str, Any] = json.loads(line)
        return network

    async def _found(self) -> dict[str, str]:
        """The account, with its operator's password; what is not there yet is made, and tokens for edges."""
        config = configs.write_cloud(self.options, self.data, self._ports)
        book = self.data / "account.json"
        strangers = [edge for edge in self._edges if not configs.identity_path(self.data, edge).exists()]
        if strangers or kept(book) is None:
            asked = (str(ROOT / "scripts/labkit/founding.py"), str(config), str(book), OPERATOR, *strangers)
            self._tokens = json.loads(await run_once(*asked, code=self._code("cloud")))
        account: dict[str, str] | None = kept(book)
        assert account is not None
        return account

    async def _start_cloud(self) -> None:
        await self._start("cloud", ["-m", "cloud", "serve", "--config", str(configs.cloud_path(self.data))])
        await self._until("the cloud", f"http://127.0.0.1:{self._ports['web']}/readyz")

    async def _start_edges(self, network: dict[str, Any]) -> None:
        await asyncio.gather(
            *(self._start_edge(edge, self._equipment(network, number)) for number, edge in enumerate(self._edges))
        )

    async def _start_edge(self, edge: str, has: configs.Equipment) -> None:
        config = configs.write_edge(self.options, self.data, self._ports, edge, has)
        if not configs.identity_path(self.data, edge).exists():
            cloud = f"http://127.0.0.1:{self._ports['web']}"
            words = ("--cloud", cloud, "--token", self._tokens[edge], "--config", str(config))
            await run_once("-m", "edge_agent", "enrol", *words, code=self._code("edge"))
        door = f"proxy-{edge}" if self.options.tunnel_proxy else "tunnel"
        configs.point_at(config, f"ws://127.0.0.1:{self._ports[door]}")
        await self._start(edge, ["-m", "edge_agent", "run", "--config", str(config)])

    def _equipment(self, network: dict[str, Any], number: int) -> configs.Equipment:
        mine = {box.name for box in self._boxes if box.edge == self._edges[number]}
        boxes = [box for box in network.get("gateways", []) if box["name"] in mine]
        smsc = network.get("smsc") if number == 0 else None
        return configs.Equipment(number, network["modems"][number :: len(self._edges)], boxes, smsc)

    async def _start(self, name: str, command: list[str]) -> Running:
        part = "edge" if name in self._edges else name
        running = Running(name, command, self.options.log_dir, self._lock, self._code(part))
        self._running[name] = running
        await running.start()
        return running

    def _code(self, part: str) -> Path:
        return self.options.code.get(part, ROOT)

    async def _until(self, who: str, url: str) -> None:
        """Wait for a 200 from this address."""
        async with asyncio.timeout(READY_S), aiohttp.ClientSession() as http:
            while True:
                self._all_alive()
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(url, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise Refusal(f"{who} did not become ready within {READY_S:g} s")

    async def _wait_until_ready(self, account: dict[str, str], network: dict[str, Any]) -> None:
        """A call can be placed when the cloud knows every SIM's number and sees its channel registered."""
        base = f"http://127.0.0.1:{self._ports['web']}/2010-04-01/Accounts/{account['sid']}"
        credentials = basic_auth(account["sid"], account["auth_token"])
        wanted = {*network["numbers"], *network.get("smsc", {}).get("numbers", [])}
        missing = wanted
        try:
            async with asyncio.timeout(READY_S), aiohttp.ClientSession(headers=credentials) as http:
                while missing:
                    self._all_alive()
                    async with http.get(f"{base}/IncomingPhoneNumbers.json", params={"PageSize": "1000"}) as answer:
                        rows = (await answer.json())["incoming_phone_numbers"]
                    missing = wanted - {row["phone_number"] for row in rows}
                    missing = missing or await self._unregistered(http) or await _without_sip(http, network["url"])
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise Refusal(f"these SIMs were not ready within {READY_S:g} s: {', '.join(sorted(missing))}") from None

    async def _unregistered(self, http: aiohttp.ClientSession) -> set[str]:
        """Channels that an edge does not call registered, or edges without a tunnel."""
        waiting: set[str] = set()
        for edge in self._edges:
            try:
                async with http.get(f"http://127.0.0.1:{self._ports[f'status-{edge}']}/status") as answer:
                    status = await answer.json()
            except aiohttp.ClientError:
                waiting.add(edge)
                continue
            waiting |= {str(c["channel"]) for c in status["channels"] if c["state"] != "registered"}
            if not status["channels"] or not status["tunnel"]["connected"]:
                waiting.add(edge)
        return waiting

    def _all_alive(self) -> None:
        for name, running in self._running.items():
            if not running.alive:
                raise Refusal(f"{name} ended while the lab was starting; its log says why")

    def _describe(self, account: dict[str, str], network: dict[str, Any]) -> None:
        base = f"http://127.0.0.1:{self._ports['web']}"
        self.description = {
            "base_url": base,
            "account_sid": account["sid"],
            "auth_token": account["auth_token"],
            "numbers": network["numbers"],
            "handsets": network["handsets"],
            "verify_url": base,
            "lookups_url": base,
            "messaging_url": base,
            "simulator_url": network["url"],
            "dashboard_url": f"{base}/operator",
            "operator": {"user": OPERATOR, "password": account["password"]},
            "edges": [
                {
                    "name": edge,
                    "pid": self._running[edge].pid,
                    "status_url": f"http://127.0.0.1:{self._ports[f'status-{edge}']}",
                }
                for edge in self._edges
            ],
            "cloud": [{"pid": self._running["cloud"].pid, "url": base}],
            "data_dir": str(self.data),
        }
        if "smsc" in network:
            self.description["smsc"] = {"numbers": network["smsc"]["numbers"]}


async def _without_sip(http: aiohttp.ClientSession, simulator: str) -> set[str]:
    """Lines whose registration an edge has not accepted yet."""
    async with http.get(f"{simulator}/network") as answer:
        boxes = (await answer.json())["gateways"]
    return {line["name"] for box in boxes for line in box["lines"] if line["sip_registered"] is False}


def basic_auth(user: str, password: str) -> dict[str, str]:
    """The header that names a user (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@contextlib.asynccontextmanager
async def lab(options: Options) -> AsyncIterator[Lab]:
    """A lab that is up within, and down after."""
    async with contextlib.AsyncExitStack() as stack:
        if options.data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="simferry-lab-")))
        else:
            data = options.data.resolve()
            data.mkdir(parents=True, exist_ok=True)
        if options.log_dir is not None:
            options.log_dir.mkdir(parents=True, exist_ok=True)
        one = Lab(options, data, await stack.enter_async_context(in_use(data)))
        try:
            await one.up()
            yield one
        finally:
            await one.down()


async def run(options: Options) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    starting = asyncio.ensure_future(_serve(options, stopped))
    stopping = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    stopping.cancel()


async def _serve(options: Options, stopped: asyncio.Event) -> None:
    async with lab(options) as one:
        print(json.dumps(one.description), flush=True)
        died = asyncio.ensure_future(one.watch())
        asked = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({died, asked}, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        asked.cancel()
        if not stopped.is_set():
            raise Refusal("the simulator ended by itself; its log says why")


def main() -> int:
    try:
        asyncio.run(run(read_options(sys.argv[1:])))
    except Refusal as refusal:
        print(f"scripts/lab: {refusal}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"scripts/lab: {error.filename or 'the network'}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
