"""Pictures as people send them."""

from io import BytesIO

from PIL import Image


def make_picture(kind: str = "PNG", size: tuple[int, int] = (8, 6), colour: str = "teal", **options: object) -> bytes:
    """A picture of one colour, as the bytes of a file."""
    into = BytesIO()
    Image.new("RGB", size, colour).save(into, kind, **options)
    return into.getvalue()
