"""Flat drawings of the demo's goods: one small SVG per thing, colour and pattern, all on the same light paper."""

from collections.abc import Callable

from app.demo.pictures import clothes, hats, outerwear, shoes, things
from app.demo.pictures.canvas import PAPER, Paint, cloth, frame, mix

SHAPES: dict[str, Callable[[Paint], str]] = {
    name: shape
    for module in (outerwear, clothes, shoes, hats, things)
    for name, shape in vars(module).items()
    if callable(shape) and not name.startswith("_") and getattr(shape, "__module__", "") == module.__name__
}


def draw(shape: str, colour: str, accent: str, pattern: str = "plain") -> bytes:
    """One picture as SVG.

    ``shape`` is a name of SHAPES, the colours are ``#rrggbb``, ``pattern`` is plain, stripes, plaid, knit, dots, straw.
    """
    paint = Paint(base=colour, accent=accent, cloth=cloth(colour, pattern))
    return frame(SHAPES[shape](paint), paint, pattern, _backdrop(colour))


def _backdrop(colour: str) -> str:
    """A round that sets the thing off: a breath of its colour, or grey-green behind a thing as light as the paper."""
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return "#d5dcd8" if min(channels) > 195 else mix(colour, PAPER, 0.78)


__all__ = ["SHAPES", "draw"]
