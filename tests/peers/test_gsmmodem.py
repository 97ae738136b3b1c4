"""python-gsmmodem-new sends, receives and asks for a balance through the simulated modem."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.simulator.rig import Rig

HANDSET = "+85512000010"
PROGRAM = """
import json, queue, sys
from gsmmodem.modem import GsmModem
port, handset = sys.argv[1:3]
inbox = queue.Queue()
modem = GsmModem(port, 115200, smsReceivedCallbackFunc=inbox.put)
modem.connect()
modem.smsTextMode = False
said = {"imei": modem.imei, "network": modem.networkName, "signal": modem.signalStrength}
sent = modem.sendSms(handset, "gsmmodem says hello", waitForDeliveryReport=True, deliveryTimeout=30)
said["report"] = sent.report.deliveryStatus if sent.report else None
print("sent", flush=True)
said["received"] = inbox.get(timeout=30).text
ussd = modem.sendUssd("*100#", responseTimeout=20)
said["ussd"] = ussd.message
modem.close()
print(json.dumps(said), flush=True)
"""


@pytest.mark.parametrize("index", [0, 1], ids=["sim7600", "huawei"])
def test_it_works_as_with_a_real_modem(rig: Rig, index: int) -> None:
    rig.registered(index + 1)
    modem = rig.line["modems"][index]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, modem["at"], HANDSET],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        # It loses what comes together with a report, so the answer waits until the report is there.
        assert process.stdout.readline().strip() == "sent"
        rig.api.post(f"/subscribers/{HANDSET}/messages", {"to": modem["number"], "body": "an answer"})
        output, _ = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert process.returncode == 0, output
    said = json.loads(output.splitlines()[-1])
    assert said["imei"] == modem["imei"]
    assert said["received"] == "an answer"
    assert "balance" in said["ussd"]
    assert said["report"] == 0
    assert len(rig.api.messages(HANDSET)) == 1
