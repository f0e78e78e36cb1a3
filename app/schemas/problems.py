"""What a refusal looks like: application/problem+json of RFC 9457."""

from typing import Annotated

from pydantic import ConfigDict, Field

from app.schemas.base import OutModel


class FieldProblem(OutModel):
    """One thing that is wrong with the values sent."""

    pointer: Annotated[str, Field(description="Where: a JSON pointer into the body, or the name in the query.")]
    code: Annotated[str, Field(description="What, for programs.", examples=["missing"])]
    detail: Annotated[str, Field(description="What, for people.", examples=["This is required"])]


class Problem(OutModel):
    """A refusal. `code` is the contract; some codes bring members of their own."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[str, Field(description="A page that explains the code.", examples=["/docs#error-not_found"])]
    title: Annotated[str, Field(examples=["There is no such thing."])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(examples=["There is no such thing."])]
    code: Annotated[str, Field(description="The same codes as on the socket.", examples=["not_found"])]
    request_id: Annotated[str, Field(description="Tell it to support: it is in our log.", examples=["5f0c2a91b7d4"])]
    errors: Annotated[tuple[FieldProblem, ...], Field(description="With `invalid`: everything that is wrong.")] = ()
    retry_after_ms: Annotated[int | None, Field(description="There exactly when a retry makes sense.")] = None
