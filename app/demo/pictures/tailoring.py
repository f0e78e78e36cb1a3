"""Parts that clothes are put together from: sleeves, a body, collars, pockets."""

from app.demo.pictures.canvas import FUR, INK, METAL, Paint, box, circle, mirrored, path, seam, shade


def sleeves(p: Paint, cuff: int = 240, width: int = 30) -> str:
    """Two sleeves whose cuffs end at the height ``cuff``."""
    x = 98 - (cuff - 130) * 0.2
    return mirrored(
        path(f"M150 92 Q112 100 102 132 L{x} {cuff} L{x + width} {cuff + 8} L140 172 Z", p.cloth)
        + shade(f"M140 172 L136 120 L{x + width - 12} {cuff + 5} L{x + width} {cuff + 8} Z", 0.13)
    )


def cuffs(p: Paint, cuff: int, fill: str, width: int = 30) -> str:
    x = 98 - (cuff - 130) * 0.2
    outline = f"M{x + 2} {cuff - 12} L{x + width + 3} {cuff - 4} L{x + width} {cuff + 10} L{x - 2} {cuff + 2} Z"
    return mirrored(path(outline, fill))


def torso(p: Paint, hem: int, flare: int = 0, waist: int = 0) -> str:
    """A body from the shoulders to the ``hem``, wider below by ``flare`` and narrower in the middle by ``waist``."""
    middle, side = (172 + hem) // 2, 130 - flare
    left = f"M200 90 L158 88 Q142 92 132 100 L136 172 Q{137 + waist} {middle} {side} {hem}"
    return path(
        f"{left} Q200 {hem + 9} {400 - side} {hem} Q{263 - waist} {middle} 264 172 L268 100 Q258 92 242 88 Z", p.cloth
    )


def front(p: Paint, hem: int, top: int = 96) -> str:
    """A zip or an edge down the middle."""
    return seam(f"M200 {top} L200 {hem + 4}", 3, 0.34)


def pockets(y: int, x: int = 150) -> str:
    return mirrored(seam(f"M{x} {y} L{x + 26} {y + 10}", 4, 0.3))


def neckline(p: Paint, rim: str, depth: int = 26) -> str:
    """A round neckline with its inside."""
    return path(f"M164 88 Q200 {88 + depth * 2} 236 88 Q200 100 164 88 Z", p.deep) + path(
        f"M160 86 Q200 {92 + depth * 2} 240 86 L232 84 Q200 {78 + depth * 2} 168 84 Z", rim
    )


def stand_collar(p: Paint) -> str:
    return path("M164 96 Q166 68 172 64 L228 64 Q234 68 236 96 Q200 108 164 96 Z", p.dark) + path(
        "M176 66 Q200 78 224 66 L222 84 Q200 94 178 84 Z", p.deep
    )


def hood(p: Paint, trim: str | None = None) -> str:
    edge = trim or p.light
    return (
        path("M150 102 Q140 44 200 40 Q260 44 250 102 Q200 128 150 102 Z", p.dark)
        + path("M156 102 Q150 50 200 48 Q250 50 244 102 Q226 116 200 116 Q174 116 156 102 Z", edge)
        + path("M172 98 Q168 62 200 60 Q232 62 228 98 Q216 108 200 108 Q184 108 172 98 Z", p.deep)
    )


def lapels(p: Paint, depth: int = 190) -> str:
    return (
        path(f"M170 84 L200 {depth - 10} L230 84 Q200 74 170 84 Z", FUR)
        + mirrored(
            path(f"M168 82 L146 112 L160 124 L152 136 L199 {depth} L199 {depth - 12} L176 96 Z", p.light)
            + seam(f"M146 112 L160 124 L152 136 L199 {depth}", 2, 0.2)
        )
        + path("M166 84 Q200 62 234 84 L228 96 Q200 80 172 96 Z", p.dark)
    )


def buttons(p: Paint, ys: tuple[int, ...], x: int = 200, fill: str = INK) -> str:
    return "".join(circle(x, y, 4.5, fill) + circle(x - 1, y - 1, 1.4, "#ffffff", opacity=0.6) for y in ys)


def waist_belt(p: Paint, y: int, half: int = 68) -> str:
    return (
        box(200 - half, y, half * 2, 15, p.dark, 3)
        + box(189, y - 3, 22, 21, "none", 4, stroke=METAL, stroke_width=4)
        + path(f"M208 {y + 13} L218 {y + 52} L230 {y + 48} L216 {y + 11} Z", p.dark)
    )


def ribs(hem: int, half: int, fill: str) -> str:
    ticks = "".join(seam(f"M{x} {hem - 14} L{x} {hem + 6}", 2, 0.22) for x in range(200 - half + 8, 200 + half, 9))
    return (
        path(
            f"M{200 - half} {hem - 16} L{200 + half} {hem - 16} L{196 + half}"
            f" {hem + 4} Q200 {hem + 11} {204 - half} {hem + 4} Z",
            fill,
        )
        + ticks
    )
