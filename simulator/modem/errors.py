"""The ways a modem says no (27.007 §9.2, 27.005 §3.2.5)."""

from __future__ import annotations

CME_TEXTS = {
    0: "phone failure", 3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted",
    11: "SIM PIN required", 12: "SIM PUK required", 13: "SIM failure", 14: "SIM busy", 16: "incorrect password",
    20: "memory full", 21: "invalid index", 22: "not found", 30: "no network service", 31: "network timeout",
    32: "network not allowed - emergency calls only", 50: "Incorrect parameters", 100: "unknown",
}  # fmt: skip
CMS_TEXTS = {
    302: "operation not allowed", 303: "operation not supported", 304: "invalid PDU mode parameter",
    310: "SIM not inserted", 311: "SIM PIN required", 316: "SIM PUK required", 321: "invalid memory index",
    322: "memory full", 331: "no network service", 332: "network timeout", 340: "no +CNMA acknowledgement expected",
    500: "unknown error",
}  # fmt: skip
PHONE_FAILURE, NOT_ALLOWED, NOT_SUPPORTED = 0, 3, 4
NO_SIM, PIN_REQUIRED, PUK_REQUIRED, WRONG_PASSWORD = 10, 11, 12, 16
SIM_BUSY = 14
NO_NETWORK, BAD_PARAMETER = 30, 50
CMS_NOT_ALLOWED, CMS_NOT_SUPPORTED, CMS_BAD_PDU, CMS_NO_SIM, CMS_PIN, CMS_PUK = 302, 303, 304, 310, 311, 316
CMS_BAD_INDEX, CMS_FULL, CMS_NO_NETWORK, CMS_NO_ACK_EXPECTED = 321, 322, 331, 340


class AtError(Exception):
    """A final result code other than OK."""

    def render(self, cmee: int) -> str:
        """The line, for the level of AT+CMEE."""
        del cmee
        return "ERROR"


class CmeError(AtError):
    """+CME ERROR, or plain ERROR when AT+CMEE=0."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def render(self, cmee: int) -> str:
        """The line, for the level of AT+CMEE."""
        if cmee == 0:
            return "ERROR"
        return f"+CME ERROR: {CME_TEXTS.get(self.code, self.code) if cmee == 2 else self.code}"


class CmsError(AtError):
    """+CMS ERROR; it has a number even when AT+CMEE=0."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def render(self, cmee: int) -> str:
        """The line, for the level of AT+CMEE."""
        return f"+CMS ERROR: {CMS_TEXTS.get(self.code, self.code) if cmee == 2 else self.code}"


class FinalLine(AtError):
    """Another final line: NO CARRIER, COMMAND NOT SUPPORT."""

    def __init__(self, line: str) -> None:
        super().__init__(line)
        self.line = line

    def render(self, cmee: int) -> str:
        """The line as it is."""
        del cmee
        return self.line
