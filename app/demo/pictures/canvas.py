"""The paper and the paints: a palette made of one colour, cloth patterns, and the frame around every drawing."""

from dataclasses import dataclass

SIDE = 400  # every drawing lives in a square of 400 units, centred on x = 200
FUR, SOLE, INK, METAL, WOOD = "#f6f0e6", "#efe8dc", "#3a3842", "#c3bbad", "#b98a5e"
NIGHT, PAPER = "#241f33", "#f6f3ee"


def mix(first: str, second: str, share: float) -> str:
    """The colour that lies ``share`` (0..1) of the way from ``first`` to ``second``; both are ``#rrggbb``."""
    pairs = ((int(first[i : i + 2], 16), int(second[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


@dataclass(frozen=True, slots=True)
class Paint:
    """What a drawing is coloured with. ``cloth`` may be a pattern; the rest are plain tones of the same colour."""

    base: str
    accent: str
    cloth: str

    @property
    def dark(self) -> str:
        return mix(self.base, NIGHT, 0.24)

    @property
    def deep(self) -> str:
        return mix(self.base, NIGHT, 0.48)

    @property
    def light(self) -> str:
        return mix(self.base, "#ffffff", 0.28)


def path(d: str, fill: str, **more: object) -> str:
    """A filled outline."""
    return f'<path d="{d}" fill="{fill}"{_attributes(more)}/>'


def line(d: str, stroke: str, width: float = 3, **more: object) -> str:
    """A stroke with round ends."""
    return (
        f'<path d="{d}" fill="none" stroke="{stroke}" stroke-width="{width}"'
        f' stroke-linecap="round" stroke-linejoin="round"{_attributes(more)}/>'
    )


def circle(x: float, y: float, r: float, fill: str, **more: object) -> str:
    return f'<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"{_attributes(more)}/>'


def ellipse(x: float, y: float, rx: float, ry: float, fill: str, **more: object) -> str:
    return f'<ellipse cx="{x}" cy="{y}" rx="{rx}" ry="{ry}" fill="{fill}"{_attributes(more)}/>'


def box(x: float, y: float, width: float, height: float, fill: str, r: float = 0, **more: object) -> str:
    """A rectangle with corners of radius ``r``."""
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{r}" fill="{fill}"{_attributes(more)}/>'


def shade(d: str, depth: float = 0.12) -> str:
    """A shadow laid over whatever is below, so that it also darkens a pattern."""
    return path(d, NIGHT, opacity=depth)


def shine(d: str, strength: float = 0.2) -> str:
    """A light laid over whatever is below."""
    return path(d, "#ffffff", opacity=strength)


def seam(d: str, width: float = 2.5, depth: float = 0.28) -> str:
    """A line sewn or folded into the cloth."""
    return line(d, NIGHT, width, opacity=depth)


def mirrored(half: str) -> str:
    """A left half and its reflection at x = 200."""
    return half + f'<g transform="matrix(-1 0 0 1 {SIDE} 0)">{half}</g>'


def moved(drawing: str, x: float = 0, y: float = 0, scale: float = 1, turn: float = 0) -> str:
    """The drawing shifted, and scaled and turned (degrees) about the middle of the paper."""
    turned = f" translate(200 200) rotate({turn}) scale({scale}) translate(-200 -200)" if turn or scale != 1 else ""
    return f'<g transform="translate({x} {y}){turned}">{drawing}</g>'


def frame(drawing: str, paint: Paint, pattern: str, backdrop: str) -> bytes:
    """The whole picture: paper, a round of ``backdrop``, a soft shadow on the floor, the drawing."""
    tile = _TILES[pattern](paint) if pattern in _TILES else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" width="800" height="800">'
        f"{f'<defs>{tile}</defs>' if tile else ''}"
        f"{box(0, 0, SIDE, SIDE, PAPER)}{circle(200, 196, 162, backdrop)}"
        f"{ellipse(200, 342, 112, 10, NIGHT, opacity=0.1)}{drawing}</svg>"
    ).encode()


def cloth(base: str, pattern: str) -> str:
    """What to fill the cloth with."""
    return "url(#cloth)" if pattern in _TILES else base


def _attributes(more: dict[str, object]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in more.items())


def _tile(size: int, inside: str) -> str:
    return f'<pattern id="cloth" width="{size}" height="{size}" patternUnits="userSpaceOnUse">{inside}</pattern>'


def _stripes(paint: Paint) -> str:
    return _tile(26, box(0, 0, 26, 26, paint.base) + box(0, 0, 26, 11, FUR))


def _plaid(paint: Paint) -> str:
    band = {"opacity": 0.55}
    return _tile(
        44,
        box(0, 0, 44, 44, paint.base)
        + box(0, 6, 44, 14, paint.dark, **band)
        + box(6, 0, 14, 44, paint.dark, **band)
        + box(0, 32, 44, 3, FUR, opacity=0.75)
        + box(32, 0, 3, 44, FUR, opacity=0.75),
    )


def _knit(paint: Paint) -> str:
    stitches = line("M1 3 L6 9 L11 3", paint.dark, 2.6, opacity=0.5)
    return _tile(12, box(0, 0, 12, 12, paint.base) + stitches)


def _dots(paint: Paint) -> str:
    return _tile(30, box(0, 0, 30, 30, paint.base) + circle(8, 8, 4, FUR) + circle(23, 23, 4, FUR))


def _straw(paint: Paint) -> str:
    weave = line("M0 4 L7 0 M0 11 L14 4 M7 14 L14 11", paint.dark, 1.6, opacity=0.55)
    return _tile(14, box(0, 0, 14, 14, paint.base) + weave)


_TILES = {"stripes": _stripes, "plaid": _plaid, "knit": _knit, "dots": _dots, "straw": _straw}
