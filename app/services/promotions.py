"""Promotions: what they may say, and that prices follow at once."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from app.clock import Clock
from app.errors import Invalid
from app.schemas.promotions import PromotionOut
from app.services.boundaries import Boundaries
from app.services.planned import PlannedService, invalid
from db.database import Database
from db.models.products import Promotion
from db.queries import promotions as queries
from db.queries.products import raise_epoch


class PromotionService(PlannedService[PromotionOut]):
    model, out = Promotion, PromotionOut
    object_kind, deed = "promotion", "price_promotion"
    cleared: ClassVar[Mapping[str, Any]] = {"description": "", "targets": [], "priority": 0}

    def __init__(self, products: Database, boundaries: Boundaries, clock: Clock, secret: str) -> None:
        super().__init__(products, clock, secret)
        self._boundaries = boundaries

    def check(self, session: Session, values: dict[str, Any]) -> None:
        """Targets are as the scope wants them, each is there and named once. A tag need not be on any product yet."""
        if values["kind"] == "percent" and values["value"] > 10_000:
            raise invalid("/value", "percent_range", "More than 100 % cannot be taken off")
        scope, targets = values["scope"], values["targets"]
        if (scope == "all") == bool(targets):
            detail = "A promotion on all products has no targets" if targets else "Say on what the promotion is"
            raise invalid("/targets", "targets", detail)
        wanted = int if scope == "products" else str
        wrong = [index for index, target in enumerate(targets) if not isinstance(target, wanted)]
        if not wrong and scope not in ("all", "tags"):
            known = queries.list_known_targets(session, scope, targets)
            wrong = [index for index, target in enumerate(targets) if target not in known]
        if wrong:
            raise Invalid(
                errors=[
                    {"pointer": f"/targets/{index}", "code": "unknown_target", "detail": "There is no such thing"}
                    for index in wrong[:20]
                ]
            )
        values["targets"] = list(dict.fromkeys(targets))

    def in_transaction(self, session: Session) -> None:
        raise_epoch(session)

    async def committed(self) -> None:
        await self._boundaries.promotions_changed()
