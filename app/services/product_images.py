"""The pictures of products: added, put in order, taken away."""

from collections.abc import Callable, Sequence

from app.actor import Actor
from app.clock import Clock
from app.errors import Conflict, Invalid, NotFound
from app.images import ImageStore
from app.schemas.base import image_url
from app.schemas.product_editing import MAX_IMAGES
from app.schemas.products import ProductOut
from app.services.product_editor import change_product, require_editable
from db.database import Database
from db.models.products import Product
from db.queries import products as queries


class ProductImages:
    """Changes the list of a product's pictures. The files stay: orders and other products may show them."""

    def __init__(self, products: Database, images: ImageStore, clock: Clock) -> None:
        self._products, self._images, self._clock = products, images, clock

    async def require_room(self, article: int) -> None:
        """Raises NotFound or Conflict as `add` would: asked before ten megabytes are read."""
        row = await self._products.read(lambda connection: queries.get_product(connection, article), hot=True)
        if row is None:
            raise NotFound
        _require_room(row.images)

    async def add(self, actor: Actor, article: int, content: bytes) -> ProductOut:
        """Add a picture as the last one. One that is there already stays where it is, so that a retry does no harm.

        Raises:
            Conflict: there are 12 already, or the product is archived.
            Invalid: it is no picture.
            NotFound, TooLarge.
        """
        name = await self._images.add(content)

        def change(product: Product) -> None:
            if name not in product.images:
                _require_room(product.images)
                product.images = [*product.images, name]

        return await self._change(actor, article, None, change)

    async def arrange(self, actor: Actor, article: int, version: int, addresses: Sequence[str]) -> ProductOut:
        """Put the pictures in another order; the first is the main one.

        Raises:
            Conflict: the product is archived.
            Invalid: these are not exactly its pictures.
            NotFound, Stale.
        """

        def change(product: Product) -> None:
            names = {image_url(name): name for name in product.images}
            if sorted(addresses) != sorted(names):
                detail = "Name each of the product's pictures once"
                raise Invalid(errors=[{"pointer": "/images", "code": "not_the_same", "detail": detail}])
            product.images = [names[address] for address in addresses]

        return await self._change(actor, article, version, change)

    async def remove(self, actor: Actor, article: int, version: int, name: str) -> ProductOut:
        """Take a picture away. Raises Conflict: it is archived; NotFound: also for a picture it lacks; Stale."""

        def change(product: Product) -> None:
            if name not in product.images:
                raise NotFound
            product.images = [each for each in product.images if each != name]

        return await self._change(actor, article, version, change)

    async def _change(
        self, actor: Actor, article: int, version: int | None, change: Callable[[Product], None]
    ) -> ProductOut:
        now = self._clock.now()

        def check_and_change(product: Product) -> None:
            require_editable(product)
            change(product)

        return await self._products.write(
            lambda session: change_product(session, actor, article, version, "edit_product", now, check_and_change)
        )


def _require_room(images: Sequence[str]) -> None:
    if len(images) >= MAX_IMAGES:
        raise Conflict(f"A product has at most {MAX_IMAGES} pictures.", reason="too_many", most=MAX_IMAGES)
