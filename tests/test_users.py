"""Users: registering, signing in, what a guest takes along, and that nobody learns who the customers are."""

import asyncio

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from app.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthorized
from app.passwords import Passwords
from app.schemas.staff import StaffPatch
from app.schemas.users import AvailabilityIn, PasswordIn, UserPatch
from app.session_changes import hash_token
from db.database import Done
from db.models.users import CartLine, Login, Outbox, SessionRow, StaffAction, User, UserCart
from db.queries import users as queries
from tests.identity import ADDRESS, PASSWORD, open_identity, serve, user_form


@pytest.fixture
async def shop(tmp_path):
    async with open_identity(tmp_path) as identity:
        yield identity


@pytest.fixture
def make_guest(shop):
    async def make_guest():
        return await shop.users.ensure_guest((await shop.sessions.begin_guest()).actor)

    return make_guest


@pytest.fixture
def fill_cart(shop):
    async def fill_cart(owner_id, lines, removed=()):
        now = shop.clock.now()

        def work(session):
            cart = UserCart(owner_id=owner_id, version=1, creation_time=now, edit_time=now)
            session.add(cart)
            session.flush()
            for article, quantity in lines.items():
                session.add(
                    CartLine(
                        cart_id=cart.id,
                        article=article,
                        quantity=quantity,
                        price_minor=100,
                        creation_time=now,
                        removed_time=now if article in removed else None,
                    )
                )
            return Done(None)

        await shop.users_db.write(work)

    return fill_cart


async def read_cart(shop, owner_id):
    statement = (
        select(CartLine.article, CartLine.quantity)
        .join(UserCart, UserCart.id == CartLine.cart_id)
        .where(UserCart.owner_id == owner_id, CartLine.removed_time.is_(None))
    )
    return dict(await shop.users_db.read(lambda connection: connection.execute(statement).all()))


# Registering


async def test_a_guest_who_registers_keeps_the_id_and_gets_another_token(shop, make_guest):
    guest = await make_guest()

    signed_in = await shop.register("Анна", current=guest.session, email="anna@mail.example", name="Анна")

    user = signed_in.begun.actor
    assert (user.kind, user.id, user.name) == ("user", guest.id, "Анна")
    assert user.session != guest.session
    assert shop.sessions.find(guest.session) is None
    shop.sessions.announce(guest.session)
    assert shop.changed == [(guest.session, guest, user)]
    assert shop.revoked == []


async def test_the_old_cookie_is_dead_the_moment_somebody_registers(shop):
    async with serve(shop) as client:
        old = (await client.post("/api/v1/session/guest")).cookies["cts_shop"].value

        response = await client.post("/api/v1/users", json=user_form().model_dump())

        assert response.status == 201
        assert (await response.json())["me"]["kind"] == "user"
        assert response.headers["Cache-Control"] == "no-store"
        new = response.cookies["cts_shop"].value
        assert await shop.sessions.actor_for_token(old) is None
        assert (await shop.sessions.actor_for_token(new)).kind == "user"
        assert [change[0] for change in shop.changed] == [hash_token(old)]  # once the answer had left


async def test_sockets_learn_of_a_registration_although_its_answer_never_left(shop, make_guest):
    guest = await make_guest()
    await shop.sessions.start()
    await shop.register(current=guest.session)
    await shop.sessions.poll()
    assert shop.changed == []  # the answer may still be on its way

    shop.clock.move(seconds=1)
    await shop.sessions.poll()

    assert [change[0] for change in shop.changed] == [guest.session]


async def test_of_two_who_want_one_name_at_once_one_gets_it(shop):
    answers = await asyncio.gather(
        *(shop.register("anna", email=f"a{number}@mail.example") for number in range(5)), return_exceptions=True
    )

    refusals = [answer for answer in answers if isinstance(answer, Conflict)]
    assert len(refusals) == 4
    assert {refusal.extra["field"] for refusal in refusals} == {"username"}
    assert await shop.users_db.read(lambda connection: queries.count_guests(connection)) == 0


@pytest.mark.parametrize("taken", ["BORIS", "  boris ", "\uff42oris"])
async def test_a_customer_cannot_take_the_name_of_staff(shop, taken):
    await shop.add_staff("boris")

    with pytest.raises(Conflict) as refusal:
        await shop.register(taken, email="other@mail.example")
    assert refusal.value.extra["field"] == "username"
    with pytest.raises(Conflict) as refusal:
        await shop.register("other", email="Boris@SHOP.example")
    assert refusal.value.extra["field"] == "email"


async def test_staff_cannot_take_the_name_of_a_customer(shop):
    await shop.register("boris")

    with pytest.raises(Conflict):
        await shop.add_staff("Boris")


async def test_who_is_signed_in_already_registers_somebody_new(shop):
    first = (await shop.register("anna")).begun.actor

    second = (await shop.register("olga", current=first.session)).begun.actor

    assert first.id != second.id
    assert await shop.count(select(User.username).where(User.id == first.id)) == "anna"


@pytest.mark.parametrize(
    "username", ["ab", "a" * 33, "anna@home", "an na", "-anna", "anna\u202e", "аdmin", "anna\x00b"]
)
def test_a_username_that_misleads_is_refused(username):
    with pytest.raises(ValidationError):
        user_form(username, email="anna@mail.example")


@pytest.mark.parametrize("username", ["Анна", "anna.k", "李小龙", "Ёжик_2", "anna-maria", "नमस्ते"])
def test_a_username_may_be_of_any_language(username):
    assert user_form(username, email="anna@mail.example").username == username


@pytest.mark.parametrize("password", ["short", "x" * 129, "anna-ivanova", "Anna-Ivanova", "anna-ivanova@mail.example"])
def test_a_password_that_is_tried_first_is_refused(password):
    with pytest.raises(ValidationError):
        user_form("anna-ivanova", password=password)


async def test_a_refused_registration_says_which_field_and_never_what_was_typed(shop):
    async with serve(shop) as client:
        response = await client.post("/api/v1/users", json={"username": "a b", "email": "nobody", "password": "secret"})

        assert response.status == 422
        assert {error["pointer"] for error in (await response.json())["errors"]} == {"/username", "/email", "/password"}
        assert "secret" not in await response.text()


async def test_registrations_from_one_address_are_limited(tmp_path):
    async with open_identity(tmp_path, registrations=2) as shop:
        await shop.register("anna")
        await shop.register("olga")

        with pytest.raises(RateLimited):
            await shop.register("irina")


async def test_anybody_may_ask_for_a_username_and_only_users_for_an_e_mail(shop):
    await shop.register("anna")
    async with serve(shop) as client:

        async def ask(**body):
            return await client.post("/api/v1/users/availability", json=body)

        assert await (await ask(username="ANNA")).json() == {"username": False, "email": None}
        assert await (await ask(username="olga")).json() == {"username": True, "email": None}
        assert (await ask(email="anna@mail.example")).status == 401

        await client.post("/api/v1/session", json={"login": "anna", "password": PASSWORD})
        assert await (await ask(email="Anna@mail.example")).json() == {"username": None, "email": False}


async def test_nobody_tries_out_all_names(shop):
    actor = (await shop.sessions.begin_guest()).actor
    with pytest.raises(RateLimited):
        for number in range(100):
            await shop.users.get_availability(actor, AvailabilityIn(username=f"name{number}"), ADDRESS)


# Signing in


@pytest.mark.parametrize("login", ["anna", "ANNA", " Anna ", "anna@mail.example", "ANNA@Mail.Example"])
async def test_username_and_e_mail_open_the_same_account(shop, login):
    user_id = (await shop.register("anna")).begun.actor.id

    assert (await shop.sign_in(login)).begun.actor.id == user_id


async def test_users_and_staff_sign_in_by_one_form(shop):
    await shop.register("anna")
    await shop.add_staff("boris", allows=["prices", "chats.answer"])

    user, staff = (await shop.sign_in("anna")).begun.actor, (await shop.sign_in("boris")).begun.actor

    assert (user.kind, user.audience, user.rights) == ("user", "shop", frozenset())
    assert (staff.kind, staff.audience, staff.rights) == ("staff", "staff", {"prices", "chats.answer"})
    assert not staff.has("redact")
    assert (await make_owner(shop)).has("redact")


async def make_owner(shop):
    await shop.add_staff("olga", role="owner")
    return (await shop.sign_in("olga")).begun.actor


@pytest.mark.parametrize("login", ["anna", "anna@mail.example", "nobody", "boris", "blocked"])
async def test_a_failed_sign_in_is_one_answer_after_one_verification(shop, login):
    await shop.register("anna")
    uuid = (await shop.add_staff("boris")).uuid
    await shop.staff.update_person(uuid, StaffPatch(is_active=False), by=None)
    await block(shop, (await shop.register("blocked")).begun.actor.id)
    shop.passwords.verifications = 0

    with pytest.raises(Unauthorized) as refusal:
        await shop.sign_in(login, PASSWORD if login in ("boris", "blocked") else "another-password")

    assert refusal.value.message == "The name or the password is not right."
    assert shop.passwords.verifications == 1


async def block(shop, user_id):
    def work(session):
        session.get(User, user_id).blocked_time = shop.clock.now()
        return Done(None)

    await shop.users_db.write(work)


async def test_the_staffs_door_is_closed_to_users_and_keeps_their_guest(shop, make_guest):
    await shop.register("anna")
    guest = await make_guest()

    with pytest.raises(Unauthorized):
        await shop.sign_in("anna", current=guest.session, door="staff")

    assert await shop.count(select(SessionRow.revoked_time).where(SessionRow.token_hash == guest.session)) is None


async def test_staff_who_sign_in_leave_the_guest_in_the_next_tab_alone(shop):
    await shop.add_staff("boris")
    async with serve(shop) as client:
        guest = (await client.post("/api/v1/session/guest")).cookies["cts_shop"].value
        await client.post("/api/v1/session", json={"login": "boris", "password": PASSWORD})

        assert (await shop.sessions.actor_for_token(guest)).kind == "guest"
        assert shop.changed == []


async def test_a_name_is_not_tried_without_end_and_may_be_again_later(shop):
    await shop.register("anna")
    for _ in range(10):
        with pytest.raises(Unauthorized):
            await shop.sign_in("anna", "wrong-password")

    with pytest.raises(RateLimited) as refusal:
        await shop.sign_in("anna")
    verified = shop.passwords.verifications
    shop.clock.move(milliseconds=refusal.value.extra["retry_after_ms"])

    assert (await shop.sign_in("anna")).begun
    assert shop.passwords.verifications == verified + 1  # refused before the costly part


async def test_an_address_tries_no_more_than_a_name_does(shop):
    await shop.register("anna")
    for number in range(10):
        with pytest.raises(Unauthorized):
            await shop.sign_in(f"name{number}")

    with pytest.raises(RateLimited):
        await shop.sign_in("anna")


async def test_whoever_knows_the_password_is_never_slowed_down(shop):
    await shop.register("anna")

    for _ in range(30):
        await shop.sign_in("anna")


async def test_a_password_kept_at_another_cost_is_kept_anew_at_sign_in(shop, monkeypatch):
    await shop.register("anna")
    before = await shop.count(select(User.hashed_password))
    standard = Passwords("standard")
    monkeypatch.setattr(shop.users, "_passwords", standard)

    await shop.sign_in("anna")

    after = await shop.count(select(User.hashed_password))
    assert standard.needs_rehash(before)
    assert not standard.needs_rehash(after)
    await shop.sign_in("anna")
    standard.close()


async def test_a_password_changed_while_it_was_checked_opens_nothing(shop, monkeypatch):
    await shop.register("anna")
    verify = shop.passwords.verify

    async def verify_slowly(hashed, password):
        matches = await verify(hashed, password)
        await shop.staff.reset_password("anna")
        return matches

    monkeypatch.setattr(shop.passwords, "verify", verify_slowly)
    with pytest.raises(Unauthorized):
        await shop.sign_in("anna")


# What a guest takes along


async def test_a_guests_cart_and_chats_go_to_the_account(shop, make_guest, fill_cart):
    user_id = (await shop.register("anna")).begun.actor.id
    await fill_cart(user_id, {1: 5, 2: 1, 3: 1}, removed={3})
    guest = await make_guest()
    await fill_cart(guest.id, {1: 2, 2: 4, 3: 7, 4: 1, 5: 9}, removed={5})

    signed_in = await shop.sign_in("anna", current=guest.session)

    assert await read_cart(shop, user_id) == {1: 5, 2: 4, 3: 7, 4: 1}
    assert await read_cart(shop, guest.id) == {}
    assert (signed_in.merged.guest_id, len(signed_in.merged.cart_lines)) == (guest.id, 4)
    effect = await shop.users_db.read(lambda connection: connection.execute(select(Outbox.__table__)).one())
    assert (effect.kind, effect.key) == ("merge_customer", f"customer/{guest.id}")
    assert effect.payload == {"guest_id": guest.id, "user_id": user_id}
    assert await shop.count(select(User.merged_into).where(User.id == guest.id)) == user_id
    shop.sessions.announce(guest.session)
    assert shop.changed == [(guest.session, guest, signed_in.begun.actor)]
    assert shop.sessions.find(guest.session) is None


async def test_a_guest_without_a_row_has_nothing_to_merge(shop):
    await shop.register("anna")
    guest = (await shop.sessions.begin_guest()).actor

    signed_in = await shop.sign_in("anna", current=guest.session)

    assert signed_in.merged is None
    assert await shop.sessions._load(guest.session) is None


async def test_the_answer_to_a_sign_in_waits_for_the_chats_but_not_for_ever(shop, make_guest, monkeypatch):
    await shop.register("anna")
    applied = []

    async def apply():
        applied.append(True)

    async def find_open_chat(user_id):
        return 12 if applied else None

    monkeypatch.setattr(shop.users, "_after_effects", apply)
    monkeypatch.setattr(shop.users, "_find_open_chat", find_open_chat)
    signed_in = await shop.sign_in("anna", current=(await make_guest()).session)
    assert signed_in.merged.chat == 12

    monkeypatch.setattr("app.services.users.AFTER_EFFECTS_S", 0.01)
    monkeypatch.setattr(shop.users, "_after_effects", asyncio.Event().wait)
    signed_in = await shop.sign_in("anna", current=(await make_guest()).session)
    assert signed_in.merged.chat is None


async def test_another_user_signing_in_takes_nothing_of_the_first(shop, fill_cart):
    first = (await shop.register("anna")).begun.actor
    await shop.register("olga")
    await fill_cart(first.id, {1: 5})

    signed_in = await shop.sign_in("olga", current=first.session)

    assert signed_in.merged is None
    assert await read_cart(shop, first.id) == {1: 5}
    assert await shop.sessions._load(first.session) is None


async def test_a_bearer_signs_in_and_gets_a_bearer(shop):
    await shop.register("anna")
    async with serve(shop) as client:
        guest = await (await client.post("/api/v1/session/guest", json={"token": True})).json()
        headers = {"Authorization": f"Bearer {guest['token']}"}

        response = await client.post("/api/v1/session", json={"login": "anna", "password": PASSWORD}, headers=headers)

        answer = await response.json()
        assert answer["me"]["kind"] == "user"
        assert answer["token"] and not response.cookies
        assert (await client.get("/api/v1/users/me", headers=headers)).status == 401  # rotated, like a cookie
        headers = {"Authorization": f"Bearer {answer['token']}"}
        assert (await client.get("/api/v1/users/me", headers=headers)).status == 200


# Oneself


async def test_a_patch_changes_what_it_names_and_null_clears(shop):
    actor = (await shop.register("anna", name="Анна", lastname="Карпова")).begun.actor
    assert actor.name == "Анна Карпова"
    await shop.names.load([("customer", actor.id)])

    me = await shop.users.update_me(actor, UserPatch(lastname=None, sex="female"))

    assert (me.name, me.lastname, me.sex, me.language) == ("Анна", None, "female", None)
    assert me == await shop.users.get_me(actor)
    assert (await shop.sessions._load(actor.session)).actor.name == "Анна"
    assert shop.names.get("customer", actor.id) is None  # to be read again


async def test_ones_own_data_is_for_users_only(shop):
    async with serve(shop) as client:
        assert (await client.get("/api/v1/users/me")).status == 401
        await client.post("/api/v1/session/guest")
        assert (await client.get("/api/v1/users/me")).status == 401
        await client.post("/api/v1/users", json=user_form().model_dump())
        assert (await (await client.get("/api/v1/users/me")).json())["username"] == "anna"
        assert (await client.patch("/api/v1/users/me", json={"role": "owner"})).status == 422
        assert "password" not in await (await client.get("/api/v1/users/me")).text()


async def test_another_password_ends_the_other_sessions_and_needs_the_old_one(shop):
    actor = (await shop.register("anna")).begun.actor
    other = (await shop.sign_in("anna")).begun
    new = "sovsem-drugoy-parol"

    with pytest.raises(Invalid):
        await shop.credentials.change_password(actor, PasswordIn(old_password="wrong-password", new_password=new))
    assert await shop.sessions.get(other.token)
    await shop.credentials.change_password(actor, PasswordIn(old_password=PASSWORD, new_password=new))

    assert shop.revoked == [other.actor.session]
    assert await shop.sessions._load(actor.session)
    assert (await shop.sign_in("anna", new)).begun
    with pytest.raises(Unauthorized):
        await shop.sign_in("anna")


async def test_the_old_password_is_not_guessed_through_a_stolen_session(shop):
    actor = (await shop.register("anna")).begun.actor
    with pytest.raises(RateLimited):
        for _ in range(20):
            with pytest.raises(Invalid):
                await shop.credentials.change_password(
                    actor, PasswordIn(old_password="wrong-password", new_password="sovsem-drugoy-parol")
                )


async def test_names_are_read_once_and_guests_have_none(shop, make_guest, monkeypatch):
    user = (await shop.register("anna", name="Анна")).begun.actor
    guest = await make_guest()
    staff = await shop.add_staff("boris", name="Борис", lastname="Лосев")
    people = [("customer", user.id), ("customer", guest.id), ("staff", staff.id)]
    assert shop.names.get("customer", user.id) is None

    await shop.names.load(people)

    assert [shop.names.get(*person) for person in people] == ["Анна", "", "Борис Лосев"]
    monkeypatch.setattr(shop.users_db, "read", None)
    await shop.names.load(people)


# Staff


async def test_another_right_ends_the_persons_sessions_and_is_on_record(shop):
    owner = await make_owner(shop)
    staff = await shop.add_staff("boris", allows=["prices"])
    begun = (await shop.sign_in("boris")).begun

    changed = await shop.staff.update_person(
        staff.uuid, StaffPatch(role="manager", allows=["redact", "prices"]), by=owner
    )

    assert changed.allows == ["prices", "redact"]
    assert shop.revoked == [begun.actor.session]
    assert await shop.sessions.get(begun.token) is None
    assert (await shop.sign_in("boris")).begun.actor.rights == {"prices", "redact"}
    action = await shop.users_db.read(
        lambda connection: connection.execute(select(StaffAction.__table__).order_by(StaffAction.id.desc())).first()
    )
    assert (action.kind, action.service_person_id, action.object_id) == ("set_rights", owner.id, staff.id)
    assert (action.before["allows"], action.after["allows"]) == (["prices"], ["prices", "redact"])


async def test_only_the_owner_manages_staff(shop):
    staff = await shop.add_staff("boris", allows=["chats.assign", "customers.block"])
    manager = (await shop.sign_in("boris")).begun.actor

    with pytest.raises(Forbidden):
        await shop.staff.update_person(staff.uuid, StaffPatch(role="owner", allows=[]), by=manager)
    with pytest.raises(Invalid):
        await shop.staff.update_person(staff.uuid, StaffPatch(role="manager", allows=["everything"]), by=None)
    with pytest.raises(NotFound):
        await shop.staff.update_person("made-up", StaffPatch(is_active=False), by=None)


async def test_the_last_owner_stays(shop):
    first = await shop.add_staff("olga", role="owner")
    with pytest.raises(Conflict):
        await shop.staff.update_person(first.uuid, StaffPatch(is_active=False), by=None)
    with pytest.raises(Conflict):
        await shop.staff.update_person(first.uuid, StaffPatch(role="manager", allows=[]), by=None)
    assert (await shop.sign_in("olga")).begun.actor.is_owner

    await shop.add_staff("irina", role="owner")

    assert not (await shop.staff.update_person(first.uuid, StaffPatch(is_active=False), by=None)).is_active


async def test_a_reset_password_is_new_and_ends_the_persons_sessions(shop):
    await shop.add_staff("boris")
    begun = (await shop.sign_in("boris")).begun

    password = await shop.staff.reset_password("Boris@shop.example")

    assert shop.revoked == [begun.actor.session]
    assert (await shop.sign_in("boris", password)).begun.actor.id == begun.actor.id
    with pytest.raises(Unauthorized):
        await shop.sign_in("boris")
    with pytest.raises(NotFound):
        await shop.staff.reset_password("nobody")


async def test_staff_see_themselves_and_each_other(shop):
    await shop.add_staff("boris", name="Борис", allows=["prices"])
    gone = await shop.add_staff("igor")
    await shop.add_staff("olga", role="owner")
    await shop.staff.update_person(gone.uuid, StaffPatch(is_active=False), by=None)
    async with serve(shop) as client:
        staff = {"CTS-Audience": "staff"}
        assert (await client.get("/api/v1/staff", headers=staff)).status == 401
        await client.post("/api/v1/session", json={"login": "boris", "password": PASSWORD}, headers=staff)

        me = await (await client.get("/api/v1/staff/me", headers=staff)).json()
        colleagues = (await (await client.get("/api/v1/staff", headers=staff)).json())["items"]

        assert (me["username"], me["allows"]) == ("boris", ["prices"])
        assert [(colleague["name"], colleague["role"]) for colleague in colleagues] == [
            ("Борис", "manager"),
            ("olga", "owner"),
        ]
        assert (await client.get("/api/v1/users/me", headers=staff)).status == 403


async def test_every_name_to_sign_in_by_belongs_to_one_person(shop):
    await shop.register("anna")
    await shop.add_staff("boris")

    names = await shop.users_db.read(lambda connection: connection.execute(select(Login.name_normal)).scalars().all())

    assert sorted(names) == ["anna", "anna@mail.example", "boris", "boris@shop.example"]
