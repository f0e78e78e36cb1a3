"""Products as rows of a table: the columns in Russian and English, and what the text in their cells means.

What is exported so can be imported again, and nothing has changed then.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticCustomError

from app.cells import money_cell, plain_cell
from app.services.naming import same_name

_SPACES = re.compile(r"[\s']+")  # of «1 299,90», with whatever space parts the thousands
_MONEY = re.compile(r"(\d{1,14})(?:[.,](\d{1,2}))?(?:₽|руб\.?|р\.?)?", re.ASCII | re.IGNORECASE)
_PERCENT = re.compile(r"(\d{1,3}(?:[.,]\d{1,2})?)%?", re.ASCII)
_WHOLE = re.compile(r"\d{1,16}", re.ASCII)
_PARTED = re.compile(r"[,;|]")

STATUSES = {"draft": "черновик", "review": "проверка", "published": "опубликован", "archived": "архив"}
_STATUS_OF = {word: status for status, word in STATUSES.items()}


def read_money(cell: str) -> dict[str, int]:
    found = _MONEY.fullmatch(_SPACES.sub("", cell))
    if found is None:
        raise PydanticCustomError("money", "This is no amount of money, such as 1 299,90")
    return {"amount": int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))}


def read_whole(cell: str) -> int:
    plain = _SPACES.sub("", cell)
    if not _WHOLE.fullmatch(plain):
        raise PydanticCustomError("whole_number", "This is no whole number")
    return int(plain)


def read_percent(cell: str) -> float:
    found = _PERCENT.fullmatch(_SPACES.sub("", cell))
    if found is None:
        raise PydanticCustomError("percent", "This is no percentage, such as 12,5")
    return float(found[1].replace(",", "."))


def read_status(cell: str) -> str:
    word = same_name(cell)
    return _STATUS_OF.get(word, word)


def read_list(cell: str) -> list[str]:
    """Values between commas, semicolons or bars, whichever of | ; , comes first; or a list in JSON."""
    if cell.startswith("["):
        return _read_json(cell, list)  # type: ignore[no-any-return]
    separator = next((one for one in "|;," if one in cell), ",")
    return [value for part in cell.split(separator) if (value := part.strip())]


def read_properties(cell: str) -> dict[str, Any]:
    return _read_json(cell, dict)  # type: ignore[no-any-return]


def _read_json(cell: str, kind: type) -> Any:
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise PydanticCustomError("json", "This is not the JSON that it begins as")
    return found


def show_list(values: Sequence[str]) -> str:
    is_plain = not any(_PARTED.search(value) or value.startswith("[") or value != value.strip() for value in values)
    return ", ".join(values) if is_plain and all(values) else json.dumps(values, ensure_ascii=False)


def show_percent(basis_points: int) -> str:
    return money_cell(basis_points).rstrip("0").rstrip(",")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column: its names, the first of them for exports; where its value belongs; how its text is read.

    An empty cell clears what may be empty (``clears``), and says nothing otherwise.
    """

    names: tuple[str, ...]
    pointer: tuple[str, ...]
    read: Callable[[str], Any] = str
    clears: Any = None


SPECIFICATION = "specifications"
COLUMNS = (
    Column(("артикул", "article", "sku"), ("article",), read_whole),
    Column(("название", "name", "наименование"), ("name",)),
    Column(("группа", "group"), ("group",)),
    Column(("категория", "category"), ("category",)),
    Column(("цена", "price"), ("price",), read_money),
    Column(("скидка", "discount", "скидка %"), ("discount",), read_percent),
    Column(("остаток", "remains", "количество", "quantity", "stock"), ("remains",), read_whole),
    Column(("статус", "status"), ("status",), read_status),
    Column(("теги", "tags", "метки"), ("tags",), read_list, []),
    Column(("бренд", "brand"), (SPECIFICATION, "brand"), str, ""),
    Column(("цвета", "colors", "цвет", "color"), (SPECIFICATION, "colors"), read_list, []),
    Column(("материалы", "materials", "материал", "material"), (SPECIFICATION, "materials"), read_list, []),
    Column(("размеры", "sizes", "размер", "size"), (SPECIFICATION, "sizes"), read_list, []),
    Column(("свойства", "properties", "характеристики"), (SPECIFICATION,), read_properties, {}),
    Column(("страна", "country", "country_origin", "страна производства"), ("country_origin",), str, ""),
    Column(("описание", "description"), ("description",), str, ""),
    Column(("картинки", "images", "изображения"), ("images",), read_list, []),
)
_BY_NAME = {same_name(name): column for column in COLUMNS for name in column.names}
ARTICLE, DESCRIPTION = COLUMNS[0], COLUMNS[-2]


def find_column(name: str) -> Column | None:
    """The column of that name, in Russian or English; None if it is not one of ours."""
    return _BY_NAME.get(same_name(plain_cell(name)))


def read_cells(columns: Sequence[Column | None], cells: Sequence[str]) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What a row's cells say, as `app.schemas.imports.ProductRow` wants it, and what in them cannot be understood."""
    row: dict[str, Any] = {}
    errors = []
    for column, raw in zip(columns, cells, strict=True):
        if column is None:
            continue
        cell = plain_cell(raw)
        if not cell.strip() and column.clears is None:
            continue
        try:
            value = column.read(cell.strip() if column.read is not str else cell) if cell.strip() else column.clears
        except PydanticCustomError as error:
            pointer = "/" + "/".join(column.pointer)
            errors.append({"pointer": pointer, "code": error.type, "detail": error.message()})
            continue
        _put(row, column.pointer, value)
    return row, errors


def _put(row: dict[str, Any], pointer: tuple[str, ...], value: Any) -> None:
    if pointer[0] != SPECIFICATION:
        row[pointer[0]] = value
        return
    specifications = row.setdefault(SPECIFICATION, {})
    if len(pointer) == 1:
        specifications.update(value)
    else:
        specifications[pointer[1]] = value or None  # a patch: null takes a property away


def write_cells(product: Any) -> list[str | int]:
    """The cells of a product, a row of `db.queries.imports.list_products`, in the order of `COLUMNS`."""
    specifications = dict(product.specifications)
    brand = specifications.pop("brand", "")
    lists = [specifications.pop(name, []) for name in ("colors", "materials", "sizes")]
    return [
        product.article,
        product.name,
        product.group_name,
        product.category_name,
        money_cell(product.price_minor),
        show_percent(product.discount_bp),
        product.remains,
        STATUSES[product.status],
        show_list(product.tags),
        brand,
        *(show_list(values) for values in lists),
        json.dumps(specifications, ensure_ascii=False) if specifications else "",
        product.country_origin,
        product.description,
        show_list(product.images),
    ]
