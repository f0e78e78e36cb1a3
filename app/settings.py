"""Settings, read once from ``CTS_*`` variables and ``.env``. README and docs/settings list them; a test compares."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from yarl import URL

ROOT = Path(__file__).resolve().parent.parent

# Secrets that stand in examples, manuals and this project's own tests. A server on one of them is open to everybody.
KNOWN_SECRETS = frozenset({"secret", "changeme", "change-me", "cts", "test-secret-test-secret-test-secret"})


class SecretRefused(ValueError):
    """The secret is missing, known or short, and this is not a demo."""


def _whole_url(value: str) -> str:
    url = URL(value)
    if value and (url.scheme not in ("http", "https") or not url.host or url.path not in ("", "/")):
        raise ValueError("an address such as https://shop.example")
    return value.rstrip("/")


class Limits(BaseSettings):
    """How much one client may do. The defaults are those of ws/PROTOCOL.md."""

    model_config = SettingsConfigDict(env_prefix="CTS_LIMIT_", env_file=".env", extra="ignore", frozen=True)

    frame_bytes: int = Field(64 * 1024, description="Largest frame a client may send, in bytes.")
    text_chars: int = Field(4000, description="Longest message, in characters.")
    in_flight: int = Field(8, description="Commands of one connection that wait for their reply.")
    commands_per_s: float = Field(10, description="Commands a second on one connection.")
    commands_burst: int = Field(30, description="Commands at once on one connection.")
    guest_sends_per_s: float = Field(1, description="Messages a second of a guest.")
    guest_sends_burst: int = Field(5, description="Messages at once of a guest.")
    user_sends_per_s: float = Field(2, description="Messages a second of a user.")
    user_sends_burst: int = Field(10, description="Messages at once of a user.")
    staff_sends_per_s: float = Field(10, description="Messages a second of a member of staff.")
    staff_sends_burst: int = Field(30, description="Messages at once of a member of staff.")
    connections: int = Field(20, description="Sockets of one guest, user or member of staff; above it the oldest goes.")
    sockets_per_address: int = Field(500, description="Sockets of visitors, who are nobody yet, from one address.")
    watched_chats: int = Field(200, description="Chats that one connection may watch.")
    flood_s: float = Field(60, description="Seconds of commands above the limit before the connection is closed.")
    queue_length: int = Field(5000, description="Writes that may wait before a database answers busy.")
    queue_age_s: float = Field(2, description="Seconds the oldest write may wait before a database answers busy.")
    sign_in_attempts: int = Field(10, description="Failed sign-ins per name and per address in ten minutes.")
    guest_sessions: int = Field(60, description="New guest sessions per address in ten minutes.")
    registrations: int = Field(20, description="Registrations per address in ten minutes.")


class Settings(BaseSettings):
    """Everything that differs between two installations."""

    model_config = SettingsConfigDict(env_prefix="CTS_", env_file=".env", extra="ignore", frozen=True)

    data: Path = Field(ROOT / "data", description="Folder of the three databases and of uploaded files.")
    products_url: str = Field(
        "", description="PRODUCTS elsewhere: postgresql+asyncpg://… Empty: PRODUCTS.db in the folder."
    )
    users_url: str = Field("", description="USERS elsewhere. Empty: USERS.db in the folder.")
    messanger_url: str = Field("", description="MESSANGER elsewhere. Empty: MESSANGER.db in the folder.")
    secret: str = Field("", description="Signs cursors. At least 32 characters; `run.py init` makes one.", repr=False)
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port to listen on; 0 takes a free one.")
    public_url: Annotated[str, AfterValidator(_whole_url)] = Field(
        "", description="How browsers reach the shop, such as https://shop.example. Decides Origin and Secure cookies."
    )
    trusted_proxies: tuple[str, ...] = Field((), description="Addresses of proxies whose X-Forwarded-For counts.")
    demo: bool = Field(
        False, description="Set by `run.py demo`: a shop to try, on loopback only unless told otherwise."
    )
    shop_name: str = Field("Current Target Sale", description="Name of the shop in titles and headers.")
    time_zone: str = Field("Europe/Moscow", description="The shop's time zone, for days and hours that people read.")
    currency: str = Field("RUB", description="Currency of every price.")
    password_cost: Literal["standard", "test"] = Field("standard", description="'test' hashes weakly, for tests only.")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="'auto' is text in a terminal, JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    edit_window_s: int = Field(900, description="Seconds in which one's own message may be edited or deleted.")
    heartbeat_s: float = Field(25, description="Seconds between pings of a socket.")
    sweep_s: float = Field(1, description="Seconds between looks for entries that the hub has not seen.")
    stuck_s: float = Field(30, description="Seconds without progress after which a socket that does not read is cut.")
    order_hold_h: float = Field(
        72, gt=0, description="Hours an order to be paid by transfer keeps its stock; unpaid by then it is cancelled."
    )
    import_max_mb: int = Field(200, gt=0, description="Largest file of products that may be imported, in megabytes.")
    drain_s: float = Field(10, description="Seconds a stop may take to finish what is queued.")
    limits: Limits = Field(default_factory=Limits)

    @model_validator(mode="after")
    def _absolute_data(self) -> Self:
        object.__setattr__(self, "data", self.data.expanduser().resolve())
        return self

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    def require_secret(self) -> None:
        """Raises: SecretRefused: the secret is missing, known or short and this is not a demo."""
        if not self.demo and (len(self.secret) < 32 or self.secret.casefold() in KNOWN_SECRETS):
            raise SecretRefused("CTS_SECRET is missing, known or short. Run: python run.py init")
