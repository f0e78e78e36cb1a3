"""What the demo's customers say of its goods, and what the shop answers. No product has stars but from these."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from sqlalchemy.orm import Session

from app.demo.generator import Goods
from app.demo.grammar import inflect
from app.demo.people import PEOPLE, Ids
from db.queries import comments as queries

STARS = ((1, 6), (2, 4), (3, 9), (4, 24), (5, 57))
"""Per cent of each number of stars, as reviews in real shops have it."""
HOW_MANY = ((0, 72), (1, 10), (2, 7), (3, 5), (4, 3), (5, 3))
"""Per cent of the products that have so many comments; there are five customers, and each says it once."""
PENDING = 2
MODERATOR = "anna"

# Of one number of stars each; a text stands once under a product. Nothing in them tells the sex of who writes.
_TEXTS = {
    5: (
        "[Отличный|Отличная|Отличное|Отличные] {noun}! Всё как на фото, сделано аккуратно.",
        "Беру здесь не первый раз, и снова всё хорошо.",
        "[Пришёл|Пришла|Пришло|Пришли] за два дня, [упакован|упакована|упаковано|упакованы] как надо. Рекомендую.",
        "Цвет в жизни ещё лучше, чем на экране. Дома все довольны.",
        "Подарок родителям, им очень нравится. Спасибо магазину!",
        "За эти деньги лучше не найти.",
        "",
    ),
    4: (
        "{Noun} [хороший|хорошая|хорошее|хорошие], но доставка задержалась на день.",
        "В целом нравится. Звезда долой за коробку: приехала мятой.",
        "Качество хорошее, цвет чуть темнее, чем на фото.",
        "Первое время был запах, через пару дней прошёл. Остальное отлично.",
        "",
    ),
    3: (
        "{Noun} как {noun}: ничего особенного, но за такую цену нормально.",
        "Ожидания были выше: кое-где торчат нитки. Пользоваться можно.",
    ),
    2: (
        "Цвет совсем не тот, что на фото. Думаю о возврате.",
        "Выглядит проще, чем на картинке, и отделка так себе.",
    ),
    1: (
        "[Пришёл|Пришла|Пришло|Пришли] с браком. Жду обмена.",
        "Не то, что в описании. Жаль времени на дорогу до пункта выдачи.",
    ),
}
_SORRY = "Здравствуйте! Нам жаль, что так вышло. Напишите нам в чат: обменяем или вернём деньги."
_THANKS = "Спасибо за добрые слова! Заходите ещё."


@dataclass(frozen=True, slots=True)
class Said:
    """A comment before it is a row. ``age`` is how long ago it was written, ``readers`` who found it useful."""

    article: int
    author: str
    rating: int
    text: str
    reply: str | None
    readers: tuple[str, ...]
    age: timedelta
    status: Literal["pending", "approved"] = "approved"


def make_comments(goods: Sequence[Goods], seed: int) -> list[Said]:
    """Comments on some of the goods, the oldest first; the last `PENDING` wait for a moderator."""
    random = Random(f"comments {seed}")
    said = [each for item in goods for each in _comment(random, item)]
    said.sort(key=lambda each: each.age, reverse=True)
    waiting = [replace(each, reply=None, readers=(), status="pending") for each in said[-PENDING:]]
    return said[:-PENDING] + waiting


def add_comments(session: Session, said: Sequence[Said], ids: Ids, now: datetime) -> None:
    """Write the comments with their votes, and count the stars of those that are approved."""
    connection = session.connection()
    for each in said:
        product = queries.get_rated(connection, each.article)
        assert product is not None, each.article
        time = now - each.age
        row = {
            "product_id": product.id,
            "user_id": ids.customers[each.author],
            "data_text": each.text,
            "rating": each.rating,
            "status": each.status,
            "creation_time": time,
            "edit_time": time,
        }
        if each.reply is not None:
            staff_id, replied = ids.staff[MODERATOR], time + each.age / 3
            row |= {"reply_text": each.reply, "reply_staff_id": staff_id, "reply_time": replied}
        comment_id = queries.add_comment(session, row)
        assert comment_id is not None, each
        for reader in each.readers:
            queries.set_vote(session, comment_id, ids.customers[reader], True)
        if each.status == "approved":
            queries.change_rating(session, product.id, None, each.rating)


def _comment(random: Random, item: Goods) -> list[Said]:
    """What is said of one thing: by different people, in different words, after it was put in."""
    customers = {person.username: person.days for person in PEOPLE if person.role == "user"}
    authors = random.sample(sorted(customers), k=_weighted(random, HOW_MANY))
    texts = {stars: random.sample(choice, k=len(choice)) for stars, choice in _TEXTS.items()}
    said = []
    for author in authors:
        rating = _weighted(random, STARS)
        text = texts[rating].pop() if texts[rating] else ""
        noun = item.noun.name
        words = inflect(text, item.noun.gender).replace("{noun}", noun).replace("{Noun}", noun.capitalize())
        reply = _SORRY if rating < 4 else _THANKS if text and random.random() < 0.2 else None
        others = sorted(set(customers) - {author})
        readers = tuple(random.sample(others, k=random.choice((0, 0, 0, 1, 1, 2, 3))))
        longest = min(item.age, timedelta(days=customers[author]))
        age = longest * random.uniform(0.02, 0.9)
        said.append(Said(item.row["article"], author, rating, words, reply, readers, age))
    return said


def _weighted(random: Random, choice: Sequence[tuple[int, int]]) -> int:
    return random.choices([value for value, _ in choice], [weight for _, weight in choice])[0]
