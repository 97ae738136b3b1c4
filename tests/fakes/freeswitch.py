"""A FreeSWITCH with one trunk, as its event socket shows it: what happens to a call is told by the test."""

from __future__ import annotations

import re

from tests.fakes.agent_legs import AgentLegs, Leg
from tests.fakes.event_socket import FakeEventSocket, api, event, reply

GATEWAY = """
=================================================================================================
Name    \ttrunk1
Profile \ttrunks
Scheme  \tDigest
Realm   \t127.0.0.1
Contact \t<sip:account@127.0.0.1:5062;transport=udp;gw=trunk1>
State   \t{state}
Status  \t{status}
Uptime  \t3s
CallsIN \t0
=================================================================================================
"""


class FakeFreeswitch(FakeEventSocket):
    """``originates``: the commands; ``ours`` and ``theirs`` the ids of the last one's legs. ``refuses``: what its job
    says instead of calling us."""

    def __init__(self, legs: AgentLegs) -> None:
        super().__init__()
        self.legs = legs
        self.state, self.status = "REGED", "UP"
        self.version = "1.11.2"
        self.known = True
        self.calls_us = True
        self.leg_refuses = False
        self.refuses = ""
        self.ours = self.theirs = ""
        self.killed: list[tuple[str, str]] = []
        self.answers = {
            "api version": self._version,
            "api sofia status gateway": self._gateway,
            "api uuid_kill": self._kill,
            "bgapi originate": self._originate,
        }

    def tell(self, name: str, uuid: str, **headers: str) -> None:
        named = {key.replace("_", "-") if key[0].isupper() else key: value for key, value in headers.items()}
        self.send(event({"Event-Name": name, "Unique-ID": uuid, **named}))

    def tell_gateway(self, state: str, status: str, **headers: str) -> None:
        self.state, self.status = state, status
        custom = {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_state", "Gateway": "trunk1"}
        self.send(event({**custom, "State": state, "Ping-Status": status, **headers}))

    @property
    def leg(self) -> Leg:
        return self.legs.legs[-1]

    async def _version(self, command: str) -> bytes:
        return api(self.version)

    async def _gateway(self, command: str) -> bytes:
        return api(GATEWAY.format(state=self.state, status=self.status) if self.known else "Invalid Gateway!\n")

    async def _kill(self, command: str) -> bytes:
        _, _, uuid, cause = command.split(" ")
        self.killed.append((uuid, cause))
        self.tell("CHANNEL_HANGUP_COMPLETE", uuid, Hangup_Cause=cause)
        return api("+OK\n")

    async def _originate(self, command: str) -> bytes:
        self.ours, self.theirs = re.findall(r"origination_uuid=([0-9a-f-]+)", command)
        job = command.partition("Job-UUID: ")[2]
        answer = reply(f"+OK Job-UUID: {job}")
        if self.refuses:
            return answer + event({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job}, f"-ERR {self.refuses}\n")
        if self.calls_us:
            self.legs.appear(f"leg-{self.ours}", refuses=self.leg_refuses)
        return answer
