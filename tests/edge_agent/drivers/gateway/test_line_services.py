"""What a line offers while its box answers and while it does not."""

from __future__ import annotations

import pytest

from edge_agent.contracts import PacedSms, WindowedSms
from edge_agent.drivers.gateway.line_services import LineSms
from edge_agent.drivers.gateway.management import ManagedLine
from telecore.errors import NoNetwork
from telecore.ids import ChannelId

LINE = ManagedLine(ChannelId("site-1/gateway1/1"), "1")


class Slow:
    def wait_s(self):
        return 7.0

    async def submit(self, sms, first, on_segment):
        raise AssertionError


class Quick:
    async def submit(self, sms, first, on_segment):
        raise AssertionError


class Box:
    def __init__(self, service):
        self.service = service

    def managed(self):
        if self.service is None:
            raise NoNetwork("away")
        return self

    def sms(self, line):
        return self.service

    def status(self, channel):
        raise AssertionError


@pytest.mark.parametrize(("service", "seconds"), [(Slow(), 7.0), (Quick(), 0.0), (None, 0.0)])
def test_a_line_is_as_slow_as_its_box(service, seconds):
    line = LineSms(Box(service), LINE)
    assert isinstance(line, PacedSms)
    assert not isinstance(line, WindowedSms)
    assert line.wait_s() == seconds
