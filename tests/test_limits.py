"""Limits: how often somebody may do something, and who that somebody is behind a proxy."""

import pytest
from aiohttp.test_utils import make_mocked_request

from app.errors import RateLimited
from app.limits import Throttle, address_key, client_address
from tests.identity import MovedClock
from ws.limits import Rate, TokenBucket


def refused_after_ms(throttle: Throttle, key: str) -> int:
    with pytest.raises(RateLimited) as refusal:
        throttle.check(key)
    return refusal.value.extra["retry_after_ms"]


def test_a_bucket_gives_its_burst_then_its_rate():
    bucket = TokenBucket(Rate(per_s=2, burst=3), now=0)

    assert [bucket.take(0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(0) == 0.5
    assert bucket.take(0.5) == 0
    assert bucket.take(1000) == 0
    assert [bucket.take(1000) for _ in range(2)] == [0, 0]
    assert bucket.take(1000) > 0  # it never holds more than its burst


def test_a_refused_key_may_go_on_after_the_time_it_was_told():
    clock = MovedClock()
    throttle = Throttle(Rate.per_minutes(2, 1), clock)
    throttle.check("anna")
    throttle.check("anna")

    clock.move(milliseconds=refused_after_ms(throttle, "anna"))

    throttle.check("anna")
    throttle.check("boris")  # another key was never slowed down


def test_what_is_given_back_does_not_count():
    throttle = Throttle(Rate.per_minutes(1, 1), MovedClock())

    for _ in range(5):
        throttle.check("anna")
        throttle.give_back("anna")

    throttle.check("anna")
    assert refused_after_ms(throttle, "anna") > 0


def test_a_throttle_forgets_the_keys_used_least_recently():
    throttle = Throttle(Rate.per_minutes(1, 1), MovedClock(), most_keys=100)

    for number in range(1000):
        throttle.check(f"key {number}")

    assert len(throttle) == 100
    assert refused_after_ms(throttle, "key 999") > 0


def test_an_ipv6_network_counts_as_one_address():
    assert address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff::9")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == "192.0.2.1"
    assert address_key("unix socket") == "unix socket"


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not our proxy: what it says does not count
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client's own invention stands on the left
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_say_where_a_request_comes_from(peer, forwarded, address):
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": forwarded}).clone(remote=peer)

    assert client_address(request, ("10.0.0.0/8",)) == address
    assert client_address(request, ()) == peer
