"""Who may have how many."""

from __future__ import annotations

from cloud.services.shares import Shares
from telecore.ids import AccountSid

ONE, TWO = AccountSid("AC1"), AccountSid("AC2")


def taken(shares, lane):
    count = 0
    while shares.take(lane):
        count += 1
    return count


def test_a_server_leaves_as_much_of_its_account_as_it_has():
    shares = Shares(per_account=50, altogether=1000)
    assert shares.room((ONE, "a")) == 25
    assert taken(shares, (ONE, "a")) == 25
    assert taken(shares, (ONE, "b")) == 13
    assert taken(shares, (ONE, "c")) == 6
    assert (shares.room((ONE, "a")), shares.room((ONE, "d"))) == (0, 3)


def test_accounts_leave_room_to_others():
    shares = Shares(per_account=50, altogether=100)
    assert sum(taken(shares, (ONE, server)) for server in "abcdefgh") == 50
    assert taken(shares, (TWO, "a")) == 25
    assert shares.room((AccountSid("AC3"), "a")) == 13


def test_what_ends_gives_its_place_back():
    shares = Shares(per_account=4, altogether=10)
    assert taken(shares, (ONE, "a")) == 2
    shares.give_back((ONE, "a"))
    assert shares.room((ONE, "a")) == 1
    shares.give_back((ONE, "a"))
    assert shares.room((ONE, "a")) == 2
