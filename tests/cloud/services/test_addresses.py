from __future__ import annotations

import pytest

from cloud.services.addresses import AddressPolicy
from telecore.errors import InvalidRequest

PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "localhost",
    "2130706433",
    "127.1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address):
    assert not AddressPolicy().allows(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is_public_is_allowed(address):
    assert AddressPolicy().allows(address)


def test_the_operator_may_allow_more():
    policy = AddressPolicy(["127.0.0.1", "10.1.0.0/16", "fd00::/8"])
    assert policy.allows("127.0.0.1")
    assert policy.allows("::ffff:127.0.0.1")
    assert policy.allows("10.1.200.3")
    assert policy.allows("fd12::1")
    assert not policy.allows("127.0.0.2")
    assert not policy.allows("10.2.0.1")


def test_only_literals_are_judged_before_resolution():
    assert AddressPolicy().admits_literal("metadata.example", 80)
    assert not AddressPolicy().admits_literal("169.254.169.254", 80)


def test_a_bad_entry_is_named():
    with pytest.raises(InvalidRequest, match="10.1/99"):
        AddressPolicy(["10.1/99"])


def test_what_the_operator_lists_is_told_apart_from_what_is_public():
    policy = AddressPolicy(["10.1.0.0/16"])
    assert policy.lists("10.1.2.3")
    assert policy.lists("::ffff:10.1.2.3")
    assert not policy.lists("8.8.8.8")
    assert not policy.lists("app.example")
