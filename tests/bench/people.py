"""``python -m tests.bench.people 210``: makes that many members of staff in the databases that CTS_* points to."""

import asyncio
import sys

from aiohttp import web

from app.keys import STAFF
from app.main import create_app
from app.schemas.staff import StaffIn
from app.settings import Settings
from tests.bench.targets import STAFF_PASSWORD, staff_name


async def add_staff(count: int) -> None:
    """Make them by the application's own service, a few at once."""
    application = create_app(Settings())
    runner = web.AppRunner(application)
    await runner.setup()
    gate = asyncio.Semaphore(16)

    async def add(index: int) -> None:
        async with gate:
            await application[STAFF].create_staff(
                StaffIn(
                    username=staff_name(index),
                    email=f"{staff_name(index)}@shop.example",
                    password=STAFF_PASSWORD,
                    name=f"Agent {index}",
                    role="manager",
                    allows=["chats.answer", "chats.assign", "customers.view"],
                ),
                by=None,
            )

    try:
        await asyncio.gather(*(add(index) for index in range(count)))
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(add_staff(int(sys.argv[1])))
