"""Cookies of the operator's page: out of reach of scripts, of other sites and, over HTTPS, of other hosts."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.dashboard.paths import HOME
from cloud.web.http import Request

COOKIE = "simferry_operator"
LOGIN_COOKIE = "simferry_login"
DEVICE_COOKIE = "simferry_device"


@dataclass(frozen=True, slots=True)
class Cookies:
    """``secure``: the page is reached over HTTPS. Browsers take a ``__Host-`` name only with Secure and Path=/."""

    secure: bool

    def get(self, request: Request, name: str) -> str:
        return request.cookies.get(self._name(name), "")

    def header(self, name: str, value: str, life_s: int) -> str:
        """For Set-Cookie; with 0 seconds the cookie goes away."""
        where = "/" if self.secure else HOME
        secure = "; Secure" if self.secure else ""
        return f"{self._name(name)}={value}; Path={where}; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}"

    def _name(self, name: str) -> str:
        return f"__Host-{name}" if self.secure else name
