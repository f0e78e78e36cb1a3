"""What is wrong with values, as a client reads it: where, by which code, in words; never what was sent."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MAX_ERRORS = 20
"""Of one answer: enough for any form, too few to make a small request cost a large reply."""

# Pydantic's words are right for most errors, but a pattern says nothing to the person who fills in a form.
_DETAILS = {
    "string_pattern_mismatch": "This contains characters that are not allowed here",
    "extra_forbidden": "There is no such field",
    "missing": "This is required",
}


def list_violations(error: ValidationError) -> list[dict[str, str]]:
    """``[{pointer, code, detail}]``, the first `MAX_ERRORS` of them."""
    if error.error_count() > 50 * MAX_ERRORS:  # nobody's form: making the whole list would hold up the loop
        return []
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [_describe(one) for one in found[:MAX_ERRORS]]


def make_pointer(*location: int | str) -> str:
    """Write a place as a JSON pointer (RFC 6901). A name that the client made up is cut to 64 characters."""
    return "".join("/" + str(part)[:64].replace("~", "~0").replace("/", "~1") for part in location)


def _describe(error: ErrorDetails) -> dict[str, str]:
    kind = error["type"]
    return {"pointer": make_pointer(*error["loc"]), "code": kind, "detail": _DETAILS.get(kind, error["msg"])}
