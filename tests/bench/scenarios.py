"""The scenarios: each drives a running target, checks that the run is valid and returns its figures by name."""

import asyncio
import json
import math
from array import array
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from tests.bench.load import Client, LoadError, Metronome, check_alive, frame, wait_until
from tests.bench.measure import Meter, Usage, percentile, pss_kib
from tests.bench.targets import Target, many

TEXT = "Hello! Is the grey coat in stock in size 48, and could it be here by Friday?"
LONG_TEXT = TEXT + " " + "x" * 3900  # near the limit of CTS, so that a socket nobody reads fills up soon
SENDERS = 200
DASHBOARDS = 10
STAFF = SENDERS + DASHBOARDS
COPIES = 1 + DASHBOARDS  # the customer's agent and the dashboards
OPENING_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Size:
    """How much to do."""

    warm_s: float
    run_s: float
    receivers: int
    sockets: int
    returning: int
    rate: float = 200.0
    fill_s: float = 6.0

    @property
    def customers(self) -> int:
        """How many people the scenarios need."""
        return max(SENDERS, self.returning, min(self.sockets, 2000))


Figures = dict[str, float]


def cost(usage: Usage) -> Figures:
    """Figures every scenario has."""
    return {"generator": usage.generator_share, "others": usage.others_cores}


async def gather(count: int, make: Callable[[int], Awaitable[Client]]) -> list[Client]:
    """Open ``count`` sockets, some at once."""
    return await many(count, OPENING_AT_ONCE, make)


class Shop:
    """200 customers, each with an agent, and 10 dashboards that watch every chat: who sends, who counts.

    Message ``n`` has command id n and ``#n`` in its text, so that ack and delivery are found without JSON. A watcher
    that is told it fell behind asks for what it missed, and has heard a message only when it is there.
    """

    def __init__(self, target: Target, text: str = TEXT) -> None:
        self.target, self.text = target, text
        self.customers: list[Client] = []
        self.watchers: list[Client] = []
        self.acked = self.delivered = self.echoes = self.first = self.behind = 0
        self.sent: list[str] = []
        self.due = array("d")
        self.ack_s: list[float] = []
        self.delivery_s: list[float] = []
        self.heard = bytearray()
        self.closed_loop = False

    async def open(self) -> None:
        """Everybody comes in."""
        target = self.target
        self.customers = await gather(SENDERS, target.enter_customer)
        self.watchers = await gather(STAFF, target.enter_staff)

        async def watch(index: int) -> Client:
            own = range(SENDERS) if index >= SENDERS else (index,)
            await target.watch(self.watchers[index], own)
            return self.watchers[index]

        await gather(STAFF, watch)

    def close(self) -> None:
        """Everybody leaves."""
        for client in self.customers + self.watchers:
            client.transport.abort()

    def send(self, customer: int, due: float) -> None:
        """Send the next message, from a customer; ``due`` is when it was meant to leave."""
        number = len(self.sent)
        client_id = f"b{number:08d}"
        self.sent.append(client_id)
        self.due.append(due)
        self.heard.append(0)
        text = f"#{number:08d} {self.text}"
        self.customers[customer].transport.write(frame(self.target.message(number, customer, client_id, text)))

    def _begin(self, *, deliveries: bool) -> None:
        """A new stretch: put the counting in place of the collecting; latencies of earlier messages don't count."""
        self.first = len(self.sent)
        self.ack_s, self.delivery_s = [], []
        reply, accepted, created = self.target.reply, self.target.accepted, self.target.created
        customer_of = {id(client): index for index, client in enumerate(self.customers)}
        behind, skip = self.target.behind, len(reply)

        def take_own(client: Client, data: bytes, start: int, end: int) -> None:
            if data.startswith(reply, start):
                now = perf_counter()
                if data.find(accepted, start, end) < 0:
                    raise LoadError(f"refused: {data[start:end]!r}")
                number = int(data[start + skip : data.index(b",", start)])
                if number >= self.first:
                    self.ack_s.append(now - self.due[number])
                self.acked += 1
                if self.closed_loop:
                    self.send(customer_of[id(client)], now)
            elif data.find(created, start, end) >= 0:
                self.echoes += 1

        def count(client: Client, data: bytes, start: int, end: int) -> None:
            if data.find(created, start, end) >= 0:
                self.delivered += 1

        def hear(number: int) -> None:
            if number >= self.first:
                self.delivery_s.append(perf_counter() - self.due[number])
            self.heard[number] += 1
            self.delivered += 1

        def time(client: Client, data: bytes, start: int, end: int) -> None:
            if data.find(created, start, end) >= 0:
                at = data.index(b"#", start)
                hear(int(data[at + 1 : at + 9]))
                if behind:
                    chat = data.index(b'"chat":', start) + 7
                    seq = data.index(b'"seq":', start) + 6
                    client.applied[int(data[chat : data.index(b",", chat)])] = int(data[seq : data.index(b",", seq)])
            elif behind and data.find(behind, start, end) >= 0:
                self.behind += 1
                chat_id = json.loads(data[start:end])["chat"]
                client.send(self.target.sync(chat_id, client.applied[chat_id]))
            elif behind and data.startswith(reply, start):
                catch_up(client, json.loads(data[start:end])["data"])

        def catch_up(client: Client, page: dict[str, Any]) -> None:
            for event in page["events"]:
                chat_id = event["chat"]
                if event["seq"] > client.applied[chat_id]:
                    client.applied[chat_id] = event["seq"]
                    hear(int(event["data"]["data"]["text"][1:9]))
            if page["events"] and client.applied[chat_id] < page["head"]:
                client.send(self.target.sync(chat_id, client.applied[chat_id]))

        for client in self.customers:
            client.take = take_own
        for client in self.watchers:
            client.take = time if deliveries else count

    async def all_arrived(self, timeout_s: float = 60.0) -> None:
        """Wait for every ack and delivery of what was sent."""
        await wait_until(
            lambda: self.acked >= len(self.sent) and self.delivered >= COPIES * len(self.sent),
            lambda: (
                f"sent {len(self.sent)}, acked {self.acked}, delivered {self.delivered} of {COPIES * len(self.sent)}"
            ),
            timeout_s,
        )

    async def closed_loop_for(self, seconds: float) -> tuple[int, Usage]:
        """Each customer sends again as soon as the ack is there; how many, at what cost, to the last delivery."""
        self._begin(deliveries=False)
        meter = Meter(self.target.pid)
        self.closed_loop = True
        for customer in range(SENDERS):
            self.send(customer, perf_counter())
        await asyncio.sleep(seconds)
        self.closed_loop = False
        await self.all_arrived()
        return len(self.sent) - self.first, meter.stop()

    async def steady_for(self, seconds: float, rate: float, *, patience_s: float = 60.0) -> tuple[int, Usage]:
        """Messages at a steady rate, whatever the server does."""
        self._begin(deliveries=True)
        meter = Meter(self.target.pid)
        metronome = Metronome(rate, lambda n, due: self.send(n % SENDERS, due))
        await asyncio.sleep(seconds)
        metronome.stop()
        await self.all_arrived(patience_s)
        return len(self.sent) - self.first, meter.stop()

    async def try_steady_for(self, seconds: float, rate: float) -> int:
        """The same against a server that may have stalled; how many were sent."""
        try:
            await self.steady_for(seconds, rate, patience_s=2.0)
        except LoadError:
            pass
        return len(self.sent) - self.first

    def check(self) -> None:
        """As many acks and deliveries as there have to be; which message went where only S1r looks at."""
        check_alive(self.customers + self.watchers)
        if not (self.acked == len(self.sent) and self.delivered == COPIES * len(self.sent)):
            raise LoadError(f"sent {len(self.sent)}, acked {self.acked}, delivered {self.delivered}")


async def check_stored(target: Target, sent: list[str]) -> None:
    """Kill the server and compare what is on disk with what was acknowledged."""
    await target.end()
    ours = set(sent)
    stored = [client_id for client_id in await asyncio.to_thread(target.stored) if client_id in ours]
    if len(stored) != len(sent) or set(stored) != ours:
        raise LoadError(f"{len(sent)} acknowledged, {len(stored)} rows on disk, {len(set(stored))} different")


async def s1(target: Target, size: Size) -> Figures:
    """200 customers, 200 agents, 10 dashboards; each customer waits for the ack and sends again."""
    shop = Shop(target)
    await shop.open()
    await shop.closed_loop_for(size.warm_s)
    count, usage = await shop.closed_loop_for(size.run_s)
    await asyncio.sleep(0.1)  # a double would come now
    shop.check()
    ack_s = shop.ack_s
    await check_stored(target, shop.sent)
    shop.close()
    return cost(usage) | {
        "cpu_us": usage.server_s / count * 1e6,
        "rate": count / usage.wall_s,
        "ack_p50": percentile(ack_s, 50) * 1e3,
        "ack_p99": percentile(ack_s, 99) * 1e3,
        "messages": count,
        "checked": len(shop.sent),
    }


async def s1r(target: Target, size: Size) -> Figures:
    """The same people, 200 messages a second whatever happens; latencies from the moment a message was due."""
    shop = Shop(target)
    await shop.open()
    await shop.steady_for(size.warm_s, size.rate)
    count, usage = await shop.steady_for(size.run_s, size.rate)
    await asyncio.sleep(0.1)
    shop.check()
    if set(shop.heard) != {COPIES}:
        raise LoadError("a message was heard too often or too rarely")
    await check_stored(target, shop.sent)
    shop.close()
    return cost(usage) | {
        "cpu_us": usage.server_s / count * 1e6,
        "ack_p50": percentile(shop.ack_s, 50) * 1e3,
        "ack_p99": percentile(shop.ack_s, 99) * 1e3,
        "delivery_p50": percentile(shop.delivery_s, 50) * 1e3,
        "delivery_p99": percentile(shop.delivery_s, 99) * 1e3,
        "messages": count,
        "checked": len(shop.sent),
    }


async def s2(target: Target, size: Size) -> Figures:
    """One customer writes to one chat with many watchers; all must have a message before the next is sent."""
    sender = await target.enter_customer(0)
    receivers = await gather(size.receivers, lambda index: target.enter_staff(index % SENDERS))

    async def watch(index: int) -> Client:
        await target.watch(receivers[index], (0,))
        return receivers[index]

    await gather(len(receivers), watch)
    reply, accepted, created = target.reply, target.accepted, target.created
    left, sent_at, sending = 0, 0.0, False
    all_have_it_s: list[float] = []
    sent: list[str] = []

    def send() -> None:
        nonlocal left, sent_at
        left = len(receivers) + 1
        sent.append(f"b{len(sent):08d}")
        payload = target.message(len(sent), 0, sent[-1], TEXT)
        sent_at = perf_counter()
        sender.send(payload)

    def arrived() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            all_have_it_s.append(perf_counter() - sent_at)
            if sending:
                send()

    def take(client: Client, data: bytes, start: int, end: int) -> None:
        if data.find(created, start, end) >= 0:
            arrived()

    def take_own(client: Client, data: bytes, start: int, end: int) -> None:
        if data.startswith(reply, start):
            if data.find(accepted, start, end) < 0:
                raise LoadError(f"refused: {data[start:end]!r}")
            arrived()

    sender.take = take_own
    for client in receivers:
        client.take = take

    async def run_for(seconds: float) -> tuple[int, Usage]:
        nonlocal sending
        all_have_it_s.clear()
        before, meter = len(sent), Meter(target.pid)
        sending = True
        send()
        await asyncio.sleep(seconds)
        sending = False
        await wait_until(lambda: left <= 0, lambda: f"{left} of {len(receivers)} deliveries and the ack missing")
        return len(sent) - before, meter.stop()

    await run_for(size.warm_s)
    count, usage = await run_for(size.run_s)
    await asyncio.sleep(0.1)
    check_alive([sender, *receivers])
    if left != 0:
        raise LoadError(f"{-left} deliveries too many")
    await check_stored(target, sent)
    deliveries = count * len(receivers)
    for client in (sender, *receivers):
        client.transport.abort()
    return cost(usage) | {
        "cpu_us": usage.server_s / deliveries * 1e6,
        "rate": deliveries / usage.wall_s,
        "all_p50": percentile(all_have_it_s, 50) * 1e3,
        "all_p99": percentile(all_have_it_s, 99) * 1e3,
        "messages": count,
        "checked": len(sent),
    }


async def s3(target: Target, size: Size) -> Figures:
    """Customers connect as browsers do, permessage-deflate offered, and stay idle."""
    first = await gather(100, lambda index: target.enter_customer(index % target.customers, deflate=True))
    await asyncio.sleep(0.5)
    before, meter = pss_kib(target.pid), Meter(target.pid)
    clients = await gather(
        size.sockets, lambda index: target.enter_customer((100 + index) % target.customers, deflate=True)
    )
    usage = meter.stop()
    await asyncio.sleep(1.5)
    after = pss_kib(target.pid)
    check_alive(first + clients)
    figures = cost(usage) | {
        "kib": (after - before) / len(clients),
        "cpu_us": usage.server_s / len(clients) * 1e6,
        "deflated": sum(client.deflated for client in clients) / len(clients),
        "sockets": len(clients),
    }
    await target.end()
    for client in first + clients:
        client.transport.abort()
    return figures


async def s4(target: Target, size: Size) -> Figures:
    """Customers drop and come back at once, each with five answers it has not seen."""
    away = await gather(size.returning, target.enter_customer)
    for client in away:
        client.transport.abort()
    await asyncio.sleep(0.5)
    took_s: list[float] = []

    async def come_back(index: int) -> None:
        begin = perf_counter()
        await target.come_back(index)
        took_s.append(perf_counter() - begin)

    meter = Meter(target.pid)
    await asyncio.gather(*(come_back(index) for index in range(size.returning)))
    usage = meter.stop()
    await target.end()
    return cost(usage) | {
        "cpu_us": usage.server_s / size.returning * 1e6,
        "all_back_s": usage.wall_s,
        "back_p50": percentile(took_s, 50) * 1e3,
        "back_p99": percentile(took_s, 99) * 1e3,
        "returning": size.returning,
    }


async def s5(target: Target, size: Size) -> Figures:
    """Steady load; then the same with ten more dashboards that watch every chat and never read, their buffers full."""
    shop = Shop(target, LONG_TEXT)
    await shop.open()
    await shop.steady_for(size.warm_s, size.rate)
    ack_s: dict[bool, list[float]] = {False: [], True: []}
    delivery_s: dict[bool, list[float]] = {False: [], True: []}
    for frozen in (False, True):
        sleepers = await gather(DASHBOARDS, partial(enter_to_sleep, target)) if frozen else []
        if frozen:
            await shop.try_steady_for(size.fill_s, size.rate * 1.5)
        due = await shop.try_steady_for(size.run_s, size.rate)
        stalled = shop.acked < len(shop.sent) or shop.delivered < COPIES * len(shop.sent)
        ack_s[frozen] += shop.ack_s + [math.inf] * (due - len(shop.ack_s))
        delivery_s[frozen] += shop.delivery_s + [math.inf] * (due * COPIES - len(shop.delivery_s))
        for client in sleepers:
            client.transport.abort()
        if stalled:
            break
    check_alive(shop.customers + shop.watchers)
    await target.end()
    shop.close()

    figures: Figures = {"frozen": DASHBOARDS, "behind": shop.behind}
    for name, values in (("ack", ack_s), ("delivery", delivery_s)):
        without, beside = (percentile(values[frozen], 99) * 1e3 for frozen in (False, True))
        figures |= {f"{name}_p99_without": without, f"{name}_p99_with": beside, f"{name}_growth": beside / without}
    figures["in_time"] = sum(value < 1 for value in delivery_s[True]) / len(delivery_s[True])
    return figures


async def enter_to_sleep(target: Target, index: int) -> Client:
    """A dashboard that watches every chat and then reads no more."""
    client = await target.enter_staff(SENDERS + index, receive_bytes=4096)
    await target.watch(client, range(SENDERS))
    client.transport.pause_reading()
    return client


SCENARIOS: dict[str, Callable[[Target, Size], Awaitable[Figures]]] = {
    "s1": s1, "s1r": s1r, "s2": s2, "s3": s3, "s4": s4, "s5": s5,
}  # fmt: skip
