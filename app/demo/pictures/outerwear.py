"""Drawings of what is worn over everything else."""

from app.demo.pictures.canvas import FUR, METAL, Paint, box, circle, ellipse, line, mirrored, path, seam, shade, shine
from app.demo.pictures.tailoring import (
    buttons,
    cuffs,
    front,
    hood,
    lapels,
    pockets,
    sleeves,
    stand_collar,
    torso,
    waist_belt,
)


def jacket(p: Paint) -> str:
    hem = 282
    return (
        sleeves(p, 244)
        + cuffs(p, 246, p.dark)
        + torso(p, hem, 4)
        + shade(f"M130 {hem - 18} L270 {hem - 18} L274 {hem} Q200 {hem + 9} 126 {hem} Z", 0.22)
        + path("M132 100 Q142 92 158 88 L242 88 Q258 92 268 100 L266 134 Q200 146 134 134 Z", p.light)
        + seam("M134 134 Q200 146 266 134", 2.5)
        + stand_collar(p)
        + front(p, hem, 98)
        + pockets(214)
        + box(196, 150, 8, 16, METAL, 3)
    )


def puffer(p: Paint) -> str:
    sleeve = "".join(
        ellipse(x, y, 27, 20, p.cloth, transform=f"rotate(-20 {x} {y})")
        + seam(f"M{x - 22} {y + 16} Q{x} {y + 22} {x + 22} {y + 1}", 2.5, 0.2)
        for x, y in ((121, 124), (111, 154), (102, 184), (95, 214), (89, 242))
    )
    rows = "".join(
        box(126 - i * 1.5, 92 + i * 36, 148 + i * 3, 42, p.cloth, 19)
        + shade(
            f"M{134 - i * 1.5} {122 + i * 36} Q200 {134 + i * 36} {266 + i * 1.5}"
            f" {122 + i * 36} L{262 + i} {134 + i * 36} L{138 - i} {134 + i * 36} Z",
            0.16,
        )
        + shine(
            f"M{140 - i} {100 + i * 36} Q160 {95 + i * 36} 188 {98 + i * 36}"
            f" L186 {105 + i * 36} Q160 {102 + i * 36} {142 - i} {107 + i * 36} Z",
            0.24,
        )
        for i in range(6)
    )
    return mirrored(sleeve) + rows + stand_collar(p) + front(p, 306) + box(196, 112, 8, 16, METAL, 3)


def parka(p: Paint) -> str:
    hem = 312
    return (
        sleeves(p, 246, 32)
        + cuffs(p, 248, p.dark, 32)
        + torso(p, hem, 8, 6)
        + front(p, hem)
        + mirrored(
            box(140, 236, 44, 40, p.dark, 6)
            + path("M138 234 L186 234 L184 250 L140 250 Z", p.light)
            + circle(162, 246, 3, METAL)
        )
        + seam("M140 206 Q200 214 260 206", 3)
        + buttons(p, (140, 176, 224, 262, 298), 208, METAL)
        + hood(p, FUR)
        + line("M180 116 L176 148", FUR, 3)
        + line("M220 116 L224 148", FUR, 3)
    )


def coat(p: Paint) -> str:
    hem = 322
    return (
        sleeves(p, 250)
        + torso(p, hem, 6, 6)
        + seam("M204 180 L206 324", 3, 0.34)
        + shade(f"M206 182 L268 150 L272 {hem} L208 {hem + 4} Z", 0.07)
        + lapels(p, 184)
        + mirrored(box(144, 232, 40, 12, p.dark, 3))
        + buttons(p, (202, 228, 254), 218)
    )


def vest(p: Paint) -> str:
    rows = "".join(
        path(
            f"M{136 - i} {98 + i * 32} Q200 {88 + i * 32} {264 + i}"
            f" {98 + i * 32} Q{274 + i} {114 + i * 32} {265 + i} {132 + i * 32}"
            f" Q200 {140 + i * 32} {135 - i} {132 + i * 32} Q{126 - i} {114 + i * 32} {136 - i} {98 + i * 32} Z",
            p.cloth,
        )
        + shade(
            f"M{132 - i} {124 + i * 32} Q200 {134 + i * 32} {268 + i} {124 + i * 32}"
            f" L{265 + i} {133 + i * 32} Q200 {141 + i * 32} {135 - i} {133 + i * 32} Z",
            0.17,
        )
        for i in range(6)
    )
    return (
        mirrored(path("M140 96 Q120 130 134 176 L150 170 Q142 128 156 94 Z", p.deep))
        + rows
        + stand_collar(p)
        + front(p, 290)
        + pockets(232, 148)
        + box(196, 116, 8, 16, METAL, 3)
    )


def raincoat(p: Paint) -> str:
    hem = 308
    return (
        sleeves(p, 246, 34)
        + torso(p, hem, 14)
        + front(p, hem)
        + shine(f"M146 130 L160 128 L150 {hem - 10} L136 {hem - 12} Z", 0.22)
        + mirrored(box(142, 224, 42, 34, p.dark, 5) + box(140, 222, 46, 12, p.light, 4))
        + buttons(p, (138, 172, 206, 240, 274), 200, FUR)
        + hood(p)
    )


def cloak(p: Paint) -> str:
    hem = 320
    return (
        sleeves(p, 248)
        + cuffs(p, 232, p.dark)
        + torso(p, hem, 14, 12)
        + lapels(p, 176)
        + seam(f"M203 176 L206 {hem + 4}", 3, 0.34)
        + waist_belt(p, 208, 60)
        + pockets(252, 146)
        + buttons(p, (188, 242, 268), 216)
    )


def trench(p: Paint) -> str:
    hem = 322
    return (
        sleeves(p, 248)
        + cuffs(p, 230, p.dark)
        + torso(p, hem, 18, 14)
        + shade(f"M206 182 L266 140 L288 {hem - 2} L208 {hem + 6} Z", 0.08)
        + mirrored(path("M134 100 Q150 128 192 150 L192 164 Q146 152 133 128 Z", p.light))
        + lapels(p, 178)
        + waist_belt(p, 206, 60)
        + mirrored(buttons(p, (186, 240, 268), 182))
        + mirrored(seam("M142 250 L166 262", 5, 0.3))
        + mirrored(box(128, 94, 30, 9, p.dark, 4))
    )


def windbreaker(p: Paint) -> str:
    hem = 282
    return (
        sleeves(p, 244)
        + cuffs(p, 246, p.accent)
        + torso(p, hem, 4)
        + path("M131 102 Q142 92 158 88 L242 88 Q258 92 269 102 L265 152 L200 172 L135 152 Z", p.accent)
        + shade(f"M130 {hem - 14} L270 {hem - 14} L274 {hem} Q200 {hem + 9} 126 {hem} Z", 0.24)
        + front(p, hem)
        + pockets(218)
        + hood(p)
        + line("M184 116 L180 142 M216 116 L220 142", FUR, 3)
    )


def poncho(p: Paint) -> str:
    fringe = "".join(
        line(f"M{x} {y} L{x} {y + 16}", p.dark, 3)
        for x, y in (
            (64, 282),
            (84, 286),
            (104, 290),
            (124, 293),
            (144, 295),
            (164, 297),
            (184, 298),
            (216, 298),
            (236, 297),
            (256, 295),
            (276, 293),
            (296, 290),
            (316, 286),
            (336, 282),
        )
    )
    return (
        fringe
        + path("M168 84 Q120 96 94 166 L56 284 Q200 318 344 284 L306 166 Q280 96 232 84 Z", p.cloth)
        + line("M78 226 Q200 258 322 226", FUR, 9)
        + line("M72 246 Q200 278 328 246", p.accent, 6)
        + shade("M200 96 L212 306 Q290 302 344 284 L306 166 Q280 96 232 84 Z", 0.07)
        + path("M158 96 Q158 62 176 60 L224 60 Q242 62 242 96 Q200 122 158 96 Z", p.dark)
        + path("M174 64 Q200 76 226 64 L224 78 Q200 90 176 78 Z", p.deep)
    )
