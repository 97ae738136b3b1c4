"""Goal 13: parsing a TwiML document of nine verbs, against the standard library's parser and defusedxml."""

from __future__ import annotations

from xml.etree import ElementTree

import defusedxml.ElementTree

from benchmarks.timing import compare, table
from telecore.twiml.document import read_voice
from telecore.twiml.nodes import parse

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say voice="woman" language="en-US">Welcome to the flood warning line.</Say>
  <Pause length="1"/>
  <Gather action="/menu" numDigits="1" timeout="8"><Say>Press one to register.</Say><Play>chime.wav</Play></Gather>
  <Record maxLength="30" playBeep="true" action="/recorded"/>
  <Dial timeout="20" callerId="+85510000001"><Number>+85512000001</Number></Dial>
  <Redirect method="GET">/again?round=2</Redirect>
  <Hangup/>
</Response>"""
URL = "http://127.0.0.1:8000/voice"


def main() -> None:
    figures = compare(
        {
            "ours: safe parse to nodes with lines": lambda: parse(DOCUMENT),
            "ours: whole page, verbs read and checked": lambda: read_voice(DOCUMENT, URL),
            "ElementTree (expands entities)": lambda: ElementTree.fromstring(DOCUMENT),  # noqa: S314
            "defusedxml": lambda: defusedxml.ElementTree.fromstring(DOCUMENT),
        },
        times=3000,
    )
    table("TwiML document of nine verbs", figures, "CPU us", "ours: safe parse to nodes with lines")


if __name__ == "__main__":
    main()
