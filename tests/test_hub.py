"""Who is told what: topics, people, sessions, and what the hub knows of each log."""

import pytest

from tests.peers import Loop, Wire
from ws.connection import Connection
from ws.hub import Hub, log_topic
from ws.protocol import CloseCode

CHAT, NOTES = (12, "chat"), (12, "notes")


@pytest.fixture
def hub() -> Hub:
    return Hub(connection_limit=3)


def join(hub: Hub, person: str | None = None, session: str = "", loop: Loop | None = None) -> Wire:
    wire = Wire(loop)
    hub.add(wire.connection)
    hub.identify(wire.connection, person, session)
    return wire


# Logs


def test_a_log_event_goes_to_everybody_who_follows_the_log_and_to_nobody_else(hub: Hub) -> None:
    anna, boris, other = join(hub), join(hub), join(hub)
    hub.follow(anna.connection, CHAT)
    hub.follow(boris.connection, CHAT)
    hub.follow(other.connection, (13, "chat"))

    assert hub.publish_log(CHAT, 1, b"event") == 2

    assert (anna.sent, boris.sent, other.sent) == (b"event", b"event", b"")


def test_notes_are_another_topic_than_the_chat(hub: Hub) -> None:
    customer, staff = join(hub), join(hub)
    hub.follow(customer.connection, CHAT)
    hub.follow(staff.connection, CHAT)
    hub.follow(staff.connection, NOTES)

    assert hub.publish_log(NOTES, 1, b"note") == 1

    assert (customer.sent, staff.sent) == (b"", b"note")
    assert log_topic(CHAT) != log_topic(NOTES)


def test_what_was_published_already_is_not_published_again(hub: Hub) -> None:
    wire = join(hub)
    hub.follow(wire.connection, CHAT)
    hub.publish_log(CHAT, 5, b"five")

    assert hub.publish_log(CHAT, 4, b"four") == 0
    assert hub.publish_log(CHAT, 5, b"five") == 0

    assert wire.sent == b"five"


def test_who_stopped_following_hears_nothing_more(hub: Hub) -> None:
    leaver, stayer = join(hub), join(hub)
    for wire in (leaver, stayer):
        hub.follow(wire.connection, CHAT)

    hub.unfollow(leaver.connection, CHAT)

    assert hub.publish_log(CHAT, 1, b"event") == 1
    assert (leaver.sent, stayer.sent) == (b"", b"event")


def test_a_log_that_was_left_while_behind_is_live_when_it_is_followed_again(hub: Hub) -> None:
    wire = join(hub)
    hub.follow(wire.connection, CHAT)
    wire.connection.outbox.behind[CHAT] = 7

    hub.unfollow(wire.connection, CHAT)
    hub.follow(wire.connection, CHAT)
    hub.publish_log(CHAT, 8, b"event")

    assert wire.sent == b"event"


def test_the_hub_knows_up_to_where_all_followers_have_been_served(hub: Hub) -> None:
    one, two = join(hub), join(hub)
    hub.follow(one.connection, CHAT)
    assert hub.last_fanned(CHAT) is None  # the resume has not been read yet

    hub.joined(CHAT, 9)
    hub.follow(two.connection, CHAT)
    hub.joined(CHAT, 8)
    assert hub.last_fanned(CHAT) == 8  # the lowest: somebody may not have 9

    hub.publish_log(CHAT, 10, b"event")
    assert hub.last_fanned(CHAT) == 10


def test_a_log_that_nobody_follows_any_more_is_forgotten(hub: Hub) -> None:
    wire = join(hub)
    hub.follow(wire.connection, CHAT)
    hub.joined(CHAT, 9)
    hub.publish_log(CHAT, 10, b"event")
    assert hub.heads == {CHAT: 9}

    hub.unfollow(wire.connection, CHAT)

    assert hub.heads == {} and hub.last_fanned(CHAT) is None
    hub.saw_head(CHAT, 11)  # the sweeper goes on seeing it
    assert hub.heads == {}


def test_a_head_never_falls(hub: Hub) -> None:
    hub.follow(join(hub).connection, CHAT)
    hub.saw_head(CHAT, 9)
    hub.saw_head(CHAT, 8)

    assert hub.heads == {CHAT: 9}


# Other events


def test_a_state_event_goes_to_the_subscribers_of_its_topic(hub: Hub) -> None:
    staff, other = join(hub), join(hub)
    hub.subscribe(staff.connection, "inbox")

    assert hub.publish_state("inbox", "inbox", b"rows") == 1
    assert hub.has_listeners("inbox") and not hub.has_listeners("staff")

    assert (staff.sent, other.sent) == (b"rows", b"")


def test_of_two_states_of_one_key_only_the_newer_is_given_to_who_took_neither(hub: Hub) -> None:
    quick, slow = join(hub), join(hub)
    for wire in (quick, slow):
        hub.subscribe(wire.connection, "inbox")

    hub.publish_state("inbox", "inbox", b"rows 1", if_waiting=b"behind 1")
    quick.loop.turn()
    hub.publish_state("inbox", "inbox", b"rows 2", if_waiting=b"behind 2")

    assert quick.sent == b"rows 1rows 2"
    assert slow.sent == b"behind 2"


def test_an_ephemeral_event_does_not_come_back_to_who_caused_it(hub: Hub) -> None:
    writer, reader = join(hub), join(hub)
    for wire in (writer, reader):
        hub.follow(wire.connection, CHAT)

    hub.publish_ephemeral(log_topic(CHAT), b"typing", but=writer.connection)

    assert (writer.sent, reader.sent) == (b"", b"typing")


def test_publishing_to_nobody_is_no_error(hub: Hub) -> None:
    assert hub.publish_log(CHAT, 1, b"event") == 0
    assert hub.publish_state("inbox", "inbox", b"rows") == 0
    hub.publish_ephemeral("chat/12", b"typing")


# People and sessions


def test_above_the_limit_the_oldest_connection_of_a_person_is_closed(hub: Hub) -> None:
    mine = [join(hub, "customer/5") for _ in range(3)]
    others = [join(hub, f"customer/{number}") for number in (6, 7)]
    assert all(wire.closed == [] for wire in mine)

    newest = join(hub, "customer/5")

    assert [wire.closed for wire in mine] == [[CloseCode.REPLACED], [], []]
    assert all(wire.closed == [] for wire in (newest, *others))
    assert hub.of_person("customer/5") == [mine[1].connection, mine[2].connection, newest.connection]


def test_a_connection_that_left_makes_room(hub: Hub) -> None:
    mine = [join(hub, "customer/5") for _ in range(3)]
    hub.remove(mine[1].connection)

    join(hub, "customer/5")

    assert all(wire.closed == [] for wire in mine)


def test_visitors_are_nobody_and_so_not_counted_together(hub: Hub) -> None:
    visitors = [join(hub) for _ in range(10)]

    assert all(wire.closed == [] for wire in visitors)


def test_a_guest_who_is_given_an_id_is_counted_under_it(hub: Hub) -> None:
    wire = join(hub, "session/abc", "abc")

    hub.identify(wire.connection, "customer/5", "abc")

    assert hub.of_person("customer/5") == [wire.connection]
    assert hub.of_person("session/abc") == []
    assert hub.of_session("abc") == [wire.connection]


def test_all_connections_of_a_session_can_be_closed(hub: Hub) -> None:
    tabs = [join(hub, "customer/5", "abc") for _ in range(2)]
    phone = join(hub, "customer/5", "def")

    hub.close_all(hub.of_session("abc"), CloseCode.REVOKED, "signed out")

    assert [wire.closed for wire in tabs] == [[4403], [4403]]
    assert phone.closed == []


def test_a_connection_that_is_gone_leaves_no_trace(hub: Hub) -> None:
    wire = join(hub, "customer/5", "abc")
    hub.follow(wire.connection, CHAT)
    hub.subscribe(wire.connection, "inbox")

    hub.remove(wire.connection)
    hub.remove(wire.connection)  # once more does no harm

    assert traces_of(hub) == {} and hub.connections == {}
    assert wire.connection.topics == wire.connection.follows == set()


def test_a_connection_that_gave_way_leaves_no_trace_either(hub: Hub) -> None:
    wires = [join(hub, "customer/5", "abc") for _ in range(5)]

    for wire in wires:
        hub.remove(wire.connection)

    assert traces_of(hub) == {}


def traces_of(hub: Hub) -> dict[str, object]:
    """Everything the hub still keeps of anybody."""
    return {name: kept for name, kept in vars(hub).items() if isinstance(kept, dict) and kept}


def test_connections_are_told_apart_by_themselves_not_by_what_they_hold(hub: Hub) -> None:
    one, two = join(hub, "customer/5"), join(hub, "customer/5")

    assert isinstance(one.connection, Connection) and one.connection != two.connection
    assert len(hub.connections) == 2
