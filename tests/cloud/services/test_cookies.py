"""Cookies come back to where they came from, also after they were kept as text."""

from __future__ import annotations

from http.cookies import SimpleCookie

from yarl import URL

from cloud.services.cookies import MOST, Cookies

HERE = URL("https://app.example/sms?a=1")


def names(cookies: Cookies, url: str) -> dict[str, str]:
    return {name: morsel.value for name, morsel in cookies.of(URL(url)).items()}


async def test_they_survive_being_kept() -> None:
    first = Cookies()
    first.heard(HERE, SimpleCookie("session=abc; Path=/; HttpOnly"))
    first.heard(HERE, SimpleCookie("narrow=1; Path=/sms"))
    again = Cookies(first.text())
    assert names(again, "https://app.example/sms") == {"session": "abc", "narrow": "1"}
    assert names(again, "https://app.example/other") == {"session": "abc"}
    assert names(again, "https://elsewhere.example/sms") == {}
    assert again.text() == first.text()


async def test_a_cookie_is_changed_and_taken_back() -> None:
    cookies = Cookies()
    cookies.heard(HERE, SimpleCookie("asked=1; Path=/"))
    cookies.heard(HERE, SimpleCookie("asked=2; Path=/"))
    assert names(Cookies(cookies.text()), str(HERE)) == {"asked": "2"}
    cookies.heard(HERE, SimpleCookie("asked=; Path=/; Max-Age=0"))
    assert names(cookies, str(HERE)) == {}
    assert names(Cookies(cookies.text()), str(HERE)) == {}


async def test_a_flood_of_them_is_bounded() -> None:
    cookies = Cookies()
    for number in range(MOST + 20):
        cookies.heard(HERE, SimpleCookie(f"c{number}=1; Path=/"))
    cookies.heard(HERE, SimpleCookie(f"long={'x' * 5000}"))
    assert len(names(Cookies(cookies.text()), str(HERE))) == MOST


async def test_none_are_kept_as_nothing() -> None:
    assert Cookies().text() == ""
    assert names(Cookies(""), str(HERE)) == {}
