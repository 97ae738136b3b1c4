"""What keeps SIMs alive: their accounts, tests between them, and the people on site."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from edge_agent.agent.prepared import Prepared
from edge_agent.config import AgentConfig
from edge_agent.contracts import Gate, Witness
from edge_agent.control.desk import Desk, Site
from edge_agent.control.requests import SOCKET
from edge_agent.control.server import ControlServer
from edge_agent.dispatcher import Doers
from edge_agent.inventory import Inventory
from edge_agent.media.clock import MediaClock
from edge_agent.self_test import SelfTest
from edge_agent.sims.accounts import Accounts
from edge_agent.spool import Spool
from telecore.commands import Command, ReadBalance, RunSelfTest, TopUp
from telecore.ids import ChannelId, Iccid
from telecore.sim_health import Balance

Parts = list[tuple[str, Callable[[], Awaitable[None]]]]


class Upkeep:
    """Builds the three. ``told`` hears of balances; self-tests ask ``gate`` and tell ``witness`` and ``tested``."""

    def __init__(
        self,
        config: AgentConfig,
        site: Prepared,
        spool: Spool,
        inventory: Inventory,
        clock: MediaClock,
        *,
        gate: Gate,
        witness: Witness,
        told: Callable[[Iccid, Balance], None],
        tested: Callable[[ChannelId, bool], None],
        wall: Callable[[], float],
    ) -> None:
        self._config = config
        self._spool = spool
        self._inventory = inventory
        self.accounts = Accounts(spool, inventory, site.recipes, config.sims, told=told, wall=wall)
        self.self_test = SelfTest(
            spool, inventory, config.self_test, gate=gate, witness=witness, clock=clock, tested=tested, wall=wall
        )

    @property
    def doers(self) -> Doers:
        """The commands that are done here."""
        return {
            ReadBalance: self.accounts.on_read,
            TopUp: self.accounts.on_top_up,
            RunSelfTest: self.self_test.perform,
        }

    def parts(self, obey: Callable[[Command], Awaitable[None]], sip: Callable[[str], dict[str, object]]) -> Parts:
        """What must run; ``obey`` does the other commands that people on site may give, ``sip`` shows them SIP."""
        site = Site(self._inventory, self.accounts, self.self_test, obey, self._spool.recent, sip)
        control = ControlServer(self._config.data_dir / SOCKET, Desk(site).do)
        return [("accounts", self.accounts.run), ("self-test", self.self_test.run), ("control", control.run)]
