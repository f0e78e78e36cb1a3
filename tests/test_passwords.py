"""Passwords: what is kept of them, and that nothing is learned from how long an answer takes."""

import asyncio

import pytest

from app.errors import Busy
from app.passwords import QUEUE_LENGTH, Passwords


@pytest.fixture
def passwords():
    passwords = Passwords("test")
    yield passwords
    passwords.close()


async def test_only_the_right_password_matches_its_hash(passwords):
    hashed = await passwords.hash("korova-na-lugu")

    assert hashed.startswith("$argon2id$")
    assert "korova" not in hashed
    assert await passwords.verify(hashed, "korova-na-lugu")
    assert not await passwords.verify(hashed, "korova-na-lugU")
    assert not await passwords.verify("not a hash", "korova-na-lugu")


async def test_letters_with_marks_match_however_they_were_typed(passwords):
    composed, apart = "\u0439ogurt-\u00e9t\u00e9", "\u0438\u0306ogurt-e\u0301te\u0301"

    assert await passwords.verify(await passwords.hash(composed), apart)


async def test_nobodys_password_is_verified_like_any_other_and_never_matches(passwords):
    assert not await passwords.verify(None, "korova-na-lugu")
    assert passwords.verifications == 1


async def test_a_hash_of_another_cost_is_to_be_made_anew(passwords):
    standard = Passwords("standard")
    try:
        hashed = await passwords.hash("korova-na-lugu")

        assert standard.needs_rehash(hashed)
        assert not passwords.needs_rehash(hashed)
        assert "m=19456,t=2,p=1" in await standard.hash("korova-na-lugu")
    finally:
        standard.close()


async def test_too_many_at_once_are_busy_and_the_rest_is_answered(passwords):
    answers = await asyncio.gather(
        *(passwords.hash("korova-na-lugu") for _ in range(QUEUE_LENGTH + 5)), return_exceptions=True
    )

    assert sum(isinstance(answer, Busy) for answer in answers) == 5
    assert sum(isinstance(answer, str) for answer in answers) == QUEUE_LENGTH
    assert await passwords.hash("korova-na-lugu")  # the queue has emptied
