"""docs/seed.md lists all that the older shop had, and names nothing that does not exist.

What it had stands here as data, so that the page cannot lose a row.
"""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import app.schemas
from app.commands import COMMANDS
from app.main import create_app
from app.settings import ROOT
from db.models import messanger, products, users
from tests.conftest import Shop, make_settings
from tests.keeping import API, change, deeds, make_place, make_product

PAGE = (ROOT / "docs" / "seed.md").read_text(encoding="utf-8")

# The doubles of managers and the owner are written twice, as they were there.
ROUTES = """
GET /
POST /login-user
POST /login-service-person
GET /user/{id}/cart/
PATCH /user/add-product/{login}/
PUT /user/remove_cart/{id}/
POST /user/registration/
GET /user/verificate/
GET /user/get-all-users/
GET /user/me/
PUT /user/{id}/user-update/
PUT /user/{id}/user-delete-data/
PATCH /user/user-update-password/{id}/
DELETE /user/user-delete/{id}
POST /user/{id}/check-email/
POST /user/{id}/check-username/
POST /user/create-comment/
PUT /user/edit-comment/{id}/
POST /user/create-new-chat/
GET /user/{id}/get-all-chats/
POST /messanger/send-message/
GET /messanger/{chat}/get-chat-messages/
POST /product/create-new-product/
GET /product/
GET /product/get-product/{article}
GET /product/get-comments/{article}
DELETE /product/{article}/delete-comment/{id}/
GET /manager/me/
GET /manager/verificate/
GET /manager/get-all-service-person/
PUT /manager/edit-product/{article}/
PUT /owner/edit-product/{article}/
DELETE /manager/delete-product/{article}/{key}/
DELETE /owner/delete-product/{article}/{key}/
POST /manager/create-group-product/
POST /owner/create-group-product/
POST /manager/create-category-product/
POST /owner/create-category-product/
GET /manager/get-group-product/{name}/
GET /owner/get-group-product/{name}/
GET /manager/get-all-group-product/
GET /owner/get-all-group-product/
GET /manager/get-category-product/{name}/
GET /owner/get-category-product/{name}/
GET /manager/get-all-category-product/
GET /owner/get-all-category-product/
GET /manager/{uuid}/get-all-chats/
POST /owner/create-new-person/
"""

FIELDS = {
    "ProductGroup": "id name image description",
    "ProductCategory": "id name image description",
    "Product": "id article name price group_name category_name tags creation_time creation_manager_UUID edit_time "
    "discount specifications country_origin description images promotion sold rating remains",
    "Comment": "id owner_id owner_name owner_lastname data_text images rating creation_time parent_product_article",
    "User": "id username email role name lastname image sex creation_time edit_time hashed_password is_active",
    "UserCart": "id owner_id data",
    "ServicePerson": "id UUID username email role allows action_history name lastname image sex creation_time "
    "edit_time hashed_password is_active",
    "UserChat": "id user_id service_person_id creation_time",
    "Message": "id user_id_from user_id_to creation_time data parent_chat_id",
}

FLOWS = """
Search box
Promotion banner
Products on promotion
Groups with category tiles
Filters: OR inside one, AND between them
Values available in the current scope
Part of a Russian name, in any case
Nothing found
Product page
Reviews with author and avatar
Add to cart
Remove one, several, all
Recently removed, restore one or all
Search inside the cart
Buy one line
Profile with its dates
Avatar
Clear single fields
Is the name free
Create a product with everything
Send for checking
Edit a product
Create a group
Announce a promotion for products or categories
Announce an event or holiday
Chat with customers
Work history of nine kinds
Statistics of the shop
List of moderators with their data
Small chat on every page
"""

KINDS = """
price_drop price_up price_promotion create_product remove_product edit_product announce_event create_category
create_group
"""


def rows(title: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    match = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    assert match, f"there is no section {title!r}"
    lines = [line for line in match[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_no_route_of_the_older_shop_is_missing() -> None:
    there = [route for row in rows("Routes") for route in named(row[0])]

    assert there == ROUTES.split("\n")[1:-1]
    assert len(there) == 48


def test_no_field_of_the_older_shop_is_missing() -> None:
    there = [field for row in rows("Fields") for field in named(row[0])]

    assert sorted(there) == sorted(f"{table}.{name}" for table, names in FIELDS.items() for name in names.split())


def test_no_flow_of_the_older_shop_is_missing() -> None:
    assert [row[0] for row in rows("Flows")] == FLOWS.split("\n")[1:-1]


def test_every_route_that_is_named_is_there(tmp_path) -> None:
    router = create_app(make_settings(tmp_path)).router
    there = {(route.method, route.resource.canonical) for route in router.routes() if route.resource}
    named_here = {successor for row in [*rows("Routes"), *rows("Flows")] for successor in named(row[1])}

    assert all(named(row[1]) for row in [*rows("Routes"), *rows("Flows")])
    assert {one for one in named_here if not is_there(one, there)} == set()


def is_there(name: str, routes: set[tuple[str, str]]) -> bool:
    """Whether a REST route, a page or a command of the socket exists."""
    kind, _, path = name.partition(" ")
    if kind == "socket":
        return path in COMMANDS
    if kind == "page":
        return ("GET", path) in routes
    return (kind, path if path.startswith("/health/") else f"/api/v1{path}") in routes


def test_every_field_that_is_named_is_there() -> None:
    there = set(fields())

    for row in rows("Fields"):
        successors = named(row[0]) if row[1] == "the same" else named(row[1])
        assert successors, row
        assert set(successors) | set(named(row[2])) - {"colors", "materials", "is_active"} <= there


def fields() -> Iterator[str]:
    """Every column of the models and every member of the schemas, as ``Table.field``."""
    for module in (products, users, messanger):
        for name, model in inspect.getmembers(module, lambda one: hasattr(one, "__table__")):
            yield from (f"{name}.{column.key}" for column in model.__table__.columns)
    for found in pkgutil.iter_modules(app.schemas.__path__):
        module = importlib.import_module(f"app.schemas.{found.name}")
        for name, schema in inspect.getmembers(module, lambda one: hasattr(one, "model_fields")):
            yield from (f"{name}.{member}" for member in schema.model_fields)


def test_every_test_that_is_named_is_there() -> None:
    names = set(re.findall(r"`((?:\w+/)?test_\w+\.py::\w+)`", PAGE))

    assert {name for name in names if name.partition("::")[2] not in functions(name.partition("::")[0])} == set()
    for row in rows("Routes"):
        assert named(row[3]), row
    for row in rows("Flows"):
        assert named(row[2]), row


def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


async def test_the_nine_kinds_of_the_work_history_are_written(shop: Shop) -> None:
    owner = await shop.owner()
    await make_place(owner)
    await make_product(owner, article=1001)
    for amount in (200_00, 50_00):
        await change(owner, "PUT", "/products/1001/price", {"price": {"amount": amount}}, of="/products/1001")
    await change(owner, "PATCH", "/products/1001", {"name": "Ушанка"})
    await change(owner, "DELETE", "/products/1001", status=204)
    time = {"starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-08T00:00:00Z"}
    reduction = {"name": "Каникулы", "kind": "percent", "value": 1000, "scope": "all", **time}
    await owner.call("POST", f"{API}/promotions", json=reduction, status=201)
    await owner.call("POST", f"{API}/announcements", json={"title": "С новым годом", **time}, status=201)

    assert set(KINDS.split()) <= {deed["kind"] for deed in await deeds(shop)}
