"""Manager ports' framing: dialogues as boxes were seen to write them, in pieces of any size, and nonsense."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.ami_codec import MAX_LINE, AmiReader, Block, action, content_of
from telecore.errors import LocalProtocolError, RemoteProtocolError

LOGIN = (
    b"Asterisk Call Manager/1.1\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n",
    [Block(False, "Success", (("Message", "Authentication accepted"),))],
)
SPANS = (
    b"Response: Follows\r\nPrivilege: SMSCommand\r\nActionID: 7\r\n"
    b"GSM span 2: Power on, Provisioned, Up, Active,Standard\n"
    b"GSM span 3: Power on, Provisioned, Undetected SIM Card, Active,Standard\n--END COMMAND--\r\n\r\n",
    [
        Block(
            False,
            "Follows",
            (("Privilege", "SMSCommand"), ("ActionID", "7")),
            (
                "GSM span 2: Power on, Provisioned, Up, Active,Standard",
                "GSM span 3: Power on, Provisioned, Undetected SIM Card, Active,Standard",
            ),
        )
    ],
)
SMS = (
    b"Event: ReceivedSMS\r\nPrivilege: all,smscommand\r\nID: \r\nGsmSpan: 2\r\nSender: +390000000001\r\n"
    b"Recvtime: 2025-11-22 17:30:05\r\nIndex: 0\r\nTotal: 1\r\nSmsc: +390000000009\r\n"
    b"Content: Got+it%3A+%E2%82%AC5\r\n--END SMS EVENT--\r\n\r\n",
    [
        Block(
            True,
            "ReceivedSMS",
            (
                ("Privilege", "all,smscommand"), ("ID", ""), ("GsmSpan", "2"), ("Sender", "+390000000001"),
                ("Recvtime", "2025-11-22 17:30:05"), ("Index", "0"), ("Total", "1"), ("Smsc", "+390000000009"),
                ("Content", "Got+it%3A+%E2%82%AC5"),
            ),
        )
    ],
)  # fmt: skip
UPDATE = (
    b"Event: UpdateSMSSend\r\nPrivilege: all,smscommand\r\n"
    b"ID: 41\r\nSmsc: +1\r\nStatus: 1\r\n--END SMS EVENT--\r\n\r\n",
    [
        Block(
            True,
            "UpdateSMSSend",
            (("Privilege", "all,smscommand"), ("ID", "41"), ("Smsc", "+1"), ("Status", "1")),
        )
    ],
)
PONG = (
    b"Response: Success\r\nPing: Pong\r\nTimestamp: 1360139590.096698\r\n\r\n",
    [Block(False, "Success", (("Ping", "Pong"), ("Timestamp", "1360139590.096698")))],
)
DENIED = (
    b"Response: Error\r\nMessage: Authentication failed\r\n\r\n",
    [Block(False, "Error", (("Message", "Authentication failed"),))],
)
NEW_ASTERISK = (
    b"Response: Success\r\nActionID: 3\r\nMessage: Command output follows\r\n"
    b"Output: D-channel: 2\r\nOutput: State: READY\r\n\r\n",
    [
        Block(
            False,
            "Success",
            (("ActionID", "3"), ("Message", "Command output follows")),
            ("D-channel: 2", "State: READY"),
        )
    ],
)
USSD = (
    b"Response: Follows\r\nPrivilege: Command\r\n"
    b"1:Recive USSD on span 12,responses:0,code:15\nText:Menu\n\n1. Yes--END COMMAND--\r\n\r\n",
    [
        Block(
            False,
            "Follows",
            (("Privilege", "Command"),),
            ("1:Recive USSD on span 12,responses:0,code:15", "Text:Menu", "", "1. Yes"),
        )
    ],
)
DIALOGUES = [LOGIN, SPANS, SMS, UPDATE, PONG, DENIED, NEW_ASTERISK, USSD]


@pytest.mark.parametrize(("octets", "blocks"), DIALOGUES)
def test_a_dialogue_is_read_whole_and_octet_by_octet(octets: bytes, blocks: list[Block]) -> None:
    assert AmiReader().feed(octets) == blocks
    reader = AmiReader()
    assert [block for octet in octets for block in reader.feed(bytes([octet]))] == blocks


def test_all_dialogues_one_after_the_other() -> None:
    reader = AmiReader()
    octets = b"".join(octets for octets, _ in DIALOGUES)
    assert reader.feed(octets) == [block for _, blocks in DIALOGUES for block in blocks]
    assert reader.banner == "Asterisk Call Manager/1.1"


def test_an_event_within_an_output_harms_neither() -> None:
    octets, (output,) = SPANS
    at = octets.index(b"GSM span 3")
    assert AmiReader().feed(octets[:at] + SMS[0] + octets[at:])[:1] == SMS[1]
    # What remains is the output, but for the empty line that may come after the event's own.
    rest = AmiReader().feed(octets[:at] + SMS[0] + octets[at:])[1]
    assert [line for line in rest.output if line] == list(output.output)


def test_a_text_that_speaks_of_an_event_is_none() -> None:
    octets = (
        b"Response: Follows\r\nPrivilege: Command\r\nText:x\n\nEvent: ReceivedSMS\nSender: 1\n--END COMMAND--\r\n\r\n"
    )
    (block,) = AmiReader().feed(octets)
    assert not block.is_event
    assert "Event: ReceivedSMS" in block.output


def test_a_block_that_lacks_its_empty_line_ends_where_the_next_begins() -> None:
    octets = b"Event: UpdateSMSSend\r\nID: 1\r\nStatus: 1\r\nResponse: Success\r\nPing: Pong\r\n\r\n"
    assert [block.name for block in AmiReader().feed(octets)] == ["UpdateSMSSend", "Success"]


def test_what_was_refused() -> None:
    assert AmiReader().feed(DENIED[0])[0].refused
    assert not AmiReader().feed(PONG[0])[0].refused
    assert not AmiReader().feed(SMS[0])[0].refused


def test_headers_are_found_in_any_case() -> None:
    (block,) = AmiReader().feed(SMS[0])
    assert (block.get("gsmspan"), block.get("CONTENT"), block.get("nothing")) == ("2", "Got+it%3A+%E2%82%AC5", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Got+it%3A+%E2%82%AC5", "Got it: €5"),
        ("%EF%BB%BF%D0%95%D1%89%D1%91+%D0%BE%D1%82%D0%B2%D0%B5%D1%82+", "Ещё ответ "),
        ("100%", "100%"),
        ("%FF%FE", "\ufffd\ufffd"),
        ("", ""),
    ],
)
def test_content(value: str, text: str) -> None:
    assert content_of(value) == text


def test_an_action() -> None:
    assert action("Login", ("Username", "u"), ("Secret", "s")) == b"Action: Login\r\nUsername: u\r\nSecret: s\r\n\r\n"


@pytest.mark.parametrize("value", ["a\r\nAction: Logoff", "a\nb", "a\0"])
def test_a_value_that_would_be_two_headers_is_our_fault(value: str) -> None:
    with pytest.raises(LocalProtocolError):
        action("Command", ("Command", value))


@pytest.mark.parametrize(
    "octets", [b"x" * (MAX_LINE + 1), b"Event: a\r\n" + b"b: c\r\n" * 3000, b"Response: Follows\r\n" + b"x\n" * 3000]
)
def test_what_has_no_end_is_the_boxs_fault(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        AmiReader().feed(octets)


@given(st.lists(st.binary(max_size=100), max_size=8))
def test_any_octets_give_blocks_or_the_one_error(pieces: list[bytes]) -> None:
    reader = AmiReader()
    with suppress(RemoteProtocolError):
        for piece in pieces:
            reader.feed(piece)


@given(st.integers(0, 400), st.binary(max_size=6), st.integers(1, 50))
def test_a_damaged_dialogue_gives_blocks_or_the_one_error(at: int, noise: bytes, step: int) -> None:
    octets = b"".join(octets for octets, _ in DIALOGUES)
    damaged = octets[:at] + noise + octets[at:]
    reader = AmiReader()
    with suppress(RemoteProtocolError):
        for start in range(0, len(damaged), step):
            reader.feed(damaged[start : start + step])
