"""Every way to refuse, with the code that REST and the socket share. The codes are the contract, the texts are not."""

from typing import Any, ClassVar

STATUS: dict[str, int] = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "out_of_stock": 409,
    "closed": 409,
    "stale": 412,
    "too_large": 413,
    "unsupported_media_type": 415,
    "invalid": 422,
    "if_match_required": 428,
    "rate_limited": 429,
    "internal": 500,
    "busy": 503,
}


class ServiceError(Exception):
    """A refusal: raised where the rule is known, shown in one place.

    ``extra`` goes into the answer beside code and message. ``retry_after_ms`` stands there exactly when a retry makes
    sense.
    """

    code: ClassVar[str] = "internal"
    default: ClassVar[str] = "Something went wrong on our side."

    def __init__(self, message: str = "", **extra: Any) -> None:
        super().__init__(message or self.default)
        self.extra = extra

    @property
    def message(self) -> str:
        return str(self.args[0])

    @property
    def status(self) -> int:
        return STATUS[self.code]


class BadRequest(ServiceError):
    code, default = "bad_request", "The request could not be understood."


class Unauthorized(ServiceError):
    code, default = "unauthorized", "Sign in first."


class Forbidden(ServiceError):
    code, default = "forbidden", "You may not do this."


class NotFound(ServiceError):
    """Also the answer to somebody else's thing: foreign looks like absent."""

    code, default = "not_found", "There is no such thing."


class MethodNotAllowed(ServiceError):
    code, default = "method_not_allowed", "This address does not answer to that method."


class Conflict(ServiceError):
    code, default = "conflict", "Somebody was faster."


class OutOfStock(ServiceError):
    """``lines`` in the extra lists what is left: ``[{article, remains}]``."""

    code, default = "out_of_stock", "There are not so many left."


class Closed(ServiceError):
    code, default = "closed", "This chat is closed."


class Stale(ServiceError):
    code, default = "stale", "It was changed in the meantime."


class TooLarge(ServiceError):
    code, default = "too_large", "This is too large."


class UnsupportedMediaType(ServiceError):
    code, default = "unsupported_media_type", "This kind of content is not understood here."


class Invalid(ServiceError):
    """``errors`` in the extra lists what is wrong: ``[{pointer, code, detail}]``."""

    code, default = "invalid", "Some values are not right."


class IfMatchRequired(ServiceError):
    code, default = "if_match_required", "Say which version you are changing (If-Match)."


class RateLimited(ServiceError):
    code, default = "rate_limited", "Too fast. Try again in a moment."

    def __init__(self, retry_after_ms: int, message: str = "") -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)


class Busy(ServiceError):
    code, default = "busy", "Nothing can be kept right now. Try again in a moment."

    def __init__(self, retry_after_ms: int = 1000, message: str = "") -> None:
        super().__init__(message, retry_after_ms=retry_after_ms)
