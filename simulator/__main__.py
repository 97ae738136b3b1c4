"""`python -m simulator`: builds the lab, says in one line of JSON where it is, stays until SIGTERM."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from contextlib import AsyncExitStack
from random import Random

from simulator import population, views
from simulator.control import Control
from simulator.gateway.gateway import Gateway
from simulator.lab import Lab
from simulator.network import Network
from simulator.options import OptionError, Options, parse
from simulator.saved_state import StateError, StateFile
from simulator.smpp.link import LINK, Contract, SmppLink
from simulator.smpp.server import SmscServer
from simulator.timing import LoopTimers
from simulator.tunnel_proxy import TunnelProxy


def build(options: Options, loop: asyncio.AbstractEventLoop) -> Lab:
    """The lab as the options want it, not started."""
    random = Random(options.seed)
    timers = LoopTimers(loop, speed=options.speed, random=random)
    gateways = {plan.name: plan.channels for plan in options.gateways}
    network = Network(timers, options.modems, random, options.operators, gateways)
    for sim in network.sims.values():
        if sim.device in options.pins:
            sim.pin, sim.pin_asked = options.pins[sim.device], True
    network.faults.edges |= {tunnel.edge for tunnel in options.tunnels}
    options.device_dir.mkdir(parents=True, exist_ok=True)
    lab = Lab(loop, network, options.device_dir.absolute(), options.profiles)
    lab.gateways = [Gateway(plan, network) for plan in options.gateways]
    return lab


def announcement(lab: Lab, url: str, proxies: list[TunnelProxy], smsc: SmscServer | None = None) -> dict[str, object]:
    """The line of JSON."""
    ports = zip(lab.modems, lab.at_ports, lab.pcm_ports, strict=True)
    return {
        "url": url,
        "numbers": list(lab.network.sims),
        "handsets": {**population.named_handsets(), "free": population.free_handsets()},
        "modems": [views.modem(modem, str(at.link), str(pcm.link) if pcm else None) for modem, at, pcm in ports],
        "gateways": [gateway.describe() for gateway in lab.gateways],
        "tunnel_proxies": {proxy.edge: proxy.port for proxy in proxies},
        **({"smsc": smsc.where} if smsc is not None else {}),
    }


def build_smsc(network: Network) -> SmscServer:
    """The SMPP link as the lab has it, not started."""
    link = SmppLink(Contract("simferry", "ferry123", population.link_numbers()), network.smsc, network.timers)
    network.attach_link(LINK, link.numbers, link)
    return SmscServer(link, network.faults, network.timers)


async def serve(options: Options) -> None:
    """Run until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    lab = build(options, loop)
    smsc = build_smsc(lab.network) if options.smsc else None
    async with AsyncExitStack() as stack:
        state = StateFile(options.state, lab) if options.state else None
        if state is not None:
            state.load()
            stack.callback(state.save)
        lab.start()
        stack.callback(lab.stop)
        for gateway in lab.gateways:
            await gateway.start()
            stack.push_async_callback(gateway.stop)
        proxies = [TunnelProxy(tunnel, lab.network.faults, Random(options.seed)) for tunnel in options.tunnels]
        for proxy in proxies:
            await stack.enter_async_context(proxy)
        control = Control(lab, options.supervisor_url)
        url = await stack.enter_async_context(control.listening(options.port))
        if smsc is not None:
            await smsc.start()
            stack.push_async_callback(smsc.stop)
        print(json.dumps(announcement(lab, url, proxies, smsc)), flush=True)
        await stopping.wait()


def main() -> None:
    """Console entry point."""
    try:
        options = parse(sys.argv[1:])
        logging.basicConfig(
            level=options.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        asyncio.run(serve(options))
    except (OptionError, StateError, OSError) as error:
        sys.exit(f"simulator: {error}")


if __name__ == "__main__":
    main()
