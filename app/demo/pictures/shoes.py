"""Drawings of footwear: each is one shoe seen from the side, put on the paper as a pair."""

from app.demo.pictures.canvas import (
    FUR,
    INK,
    METAL,
    SOLE,
    WOOD,
    Paint,
    box,
    circle,
    ellipse,
    line,
    moved,
    path,
    seam,
    shade,
    shine,
)


def _pair(shoe: str, up: int = 20, apart: int = 30) -> str:
    """The shoe and its fellow behind it, a little higher, dimmed."""
    far = f'<g opacity="1">{shoe}</g>'
    return moved(far, apart, -up) + moved(shoe, -apart / 2, up / 2)


def _foot(top: int, back: int = 118, toe: int = 300, ankle: int = 196) -> str:
    """The outline of a closed shoe: shaft opening at height ``top``, heel at ``back``, tip of the toe at ``toe``."""
    return (
        f"M{back + 4} {top} L{ankle} {top} L{ankle + 4} 226 Q{ankle + 34} 248 {toe - 26} 258"
        f" Q{toe + 2} 266 {toe} 298 L{back - 2} 298 Q{back - 6} 262 {back + 4} 232 Z"
    )


def _flat(fill: str, back: int = 112, toe: int = 306, thick: int = 18) -> str:
    return box(back, 294, toe - back, thick, fill, 8) + seam(f"M{back + 6} 302 L{toe - 6} 302", 2, 0.14)


def _tread(fill: str, back: int = 112, toe: int = 306) -> str:
    teeth = "".join(box(x, 308, 14, 9, fill, 2) for x in range(back + 4, toe - 14, 22))
    return box(back, 292, toe - back, 19, fill, 8) + teeth


def _laces(p: Paint, points: tuple[tuple[int, int], ...], fill: str = FUR) -> str:
    return "".join(line(f"M{x} {y} l-26 -7 M{x - 24} {y + 6} l26 -18", fill, 4) for x, y in points)


def boots(p: Paint) -> str:
    shoe = (
        path(_foot(136), p.cloth)
        + path("M230 244 Q262 254 274 258 Q302 266 300 298 L238 298 Q252 268 230 244 Z", p.dark)
        + shade("M120 136 L138 136 L136 298 L116 298 Q112 262 122 232 Z", 0.12)
        + box(114, 122, 90, 24, FUR, 12)
        + _laces(p, ((196, 176), (198, 200), (206, 224)))
        + _tread(INK)
        + line("M200 158 L202 226 Q216 240 236 248", p.deep, 5, opacity=0.6)
    )
    return _pair(shoe)


def tall_boots(p: Paint) -> str:
    shoe = (
        path(
            "M128 72 L206 72 Q204 150 204 222 Q238 246 276 256 Q304"
            " 264 302 296 L124 296 Q120 262 128 232 Q118 150 128 72 Z",
            p.cloth,
        )
        + shade("M128 72 L146 72 Q138 160 146 240 L144 296 L124 296 Q120 262 128 232 Q118 150 128 72 Z", 0.13)
        + seam("M190 76 L190 220", 2.5, 0.25)
        + line("M124 236 Q166 248 206 226", p.dark, 9)
        + box(176, 228, 16, 18, "none", 4, stroke=METAL, stroke_width=4)
        + box(124, 62, 86, 20, FUR, 10)
        + path("M122 292 L306 292 L306 302 L170 304 L168 318 L124 318 Z", INK)
    )
    return moved(_pair(shoe, 14), 0, 6)


def felt_boots(p: Paint) -> str:
    shoe = (
        path(
            "M128 82 Q168 74 208 82 L206 216 Q222 238 262 244 Q306 252 304"
            " 288 Q304 302 290 302 L136 302 Q118 300 120 264 Q124 170 128 82 Z",
            p.cloth,
        )
        + shade("M128 82 L146 80 Q138 190 142 302 L136 302 Q118 300 120 264 Q124 170 128 82 Z", 0.12)
        + ellipse(168, 83, 40, 9, p.deep)
        + path("M158 170 q8 -22 16 0 q22 -8 8 12 q14 20 -8 12 q-8 22 -16 0 q-22 8 -8 -12 q-14 -20 8 -12 Z", p.accent)
        + circle(166, 182, 5, FUR)
        + line("M128 118 Q168 126 206 118", FUR, 5)
        + line("M126 130 Q168 138 206 130", p.accent, 4)
        + box(124, 296, 182, 14, p.deep, 7)
    )
    return moved(_pair(shoe, 16), 0, 4)


def ugg_boots(p: Paint) -> str:
    shoe = (
        path(
            "M122 138 L212 138 Q210 190 214 222 Q236 240 268 246 Q304 254 304 296 L116 296 Q112 250 122 220 Z", p.cloth
        )
        + shade("M122 138 L140 138 L136 296 L116 296 Q112 250 122 220 Z", 0.12)
        + seam("M214 222 Q196 252 200 296 M120 236 Q150 248 168 296", 3, 0.22)
        + "".join(circle(x, 134 + (i % 2) * 4, 14, FUR) for i, x in enumerate(range(122, 222, 16)))
        + _flat(SOLE, 112, 308, 20)
        + line("M196 166 q14 -12 20 2 q-12 10 -20 -2 q14 12 4 22", p.accent, 4)
    )
    return _pair(shoe)


def moon_boots(p: Paint) -> str:
    rows = "".join(
        box(x, y, w, 40, p.cloth, 19)
        + shade(
            f"M{x + 10} {y + 29} Q{x + w / 2} {y + 38} {x + w - 10}"
            f" {y + 29} L{x + w - 14} {y + 40} L{x + 14} {y + 40} Z",
            0.17,
        )
        + shine(f"M{x + 16} {y + 8} L{x + w * 0.55} {y + 7} L{x + w * 0.55} {y + 14} L{x + 16} {y + 15} Z", 0.24)
        for x, y, w in ((122, 116, 92), (120, 150, 94), (118, 184, 98), (114, 220, 124))
    )
    shoe = (
        path("M112 252 L236 240 Q304 246 304 298 L112 298 Z", p.dark)
        + rows
        + _tread(INK)
        + box(124, 104, 88, 20, p.accent, 10)
        + line("M206 232 Q232 246 262 252", FUR, 5)
    )
    return moved(_pair(shoe, 16), 0, 2)


def sandals(p: Paint) -> str:
    shoe = (
        path("M106 280 Q150 268 196 284 Q250 294 300 284 L308 298 L106 298 Z", WOOD)
        + _flat(SOLE, 104, 310, 16)
        + path("M214 288 Q232 228 266 232 Q292 240 296 288 L278 290 Q272 256 256 256 Q240 258 236 290 Z", p.cloth)
        + path("M110 282 Q104 226 116 214 L134 214 Q128 250 134 284 Z", p.cloth)
        + line("M120 232 Q160 214 200 238 L226 284", p.base, 16)
        + line("M122 232 Q160 216 198 240", p.light, 3)
        + box(148, 210, 22, 24, "none", 4, stroke=METAL, stroke_width=4)
    )
    return moved(_pair(shoe, 34, 34), 0, -14)


def heels(p: Paint) -> str:
    shoe = (
        path("M112 214 Q130 226 146 236 L160 298 L166 316 L134 316 Z", p.dark)
        + path(
            "M110 216 Q150 216 186 254 Q230 292 304 296 L308 312 L232 312 Q178 296 146 250 Q126 228 110 232 Z", p.dark
        )
        + path("M232 292 Q236 250 264 252 Q288 258 290 300 L268 302 Q260 276 252 298 Z", p.cloth)
        + path("M108 228 Q100 190 112 172 L126 172 Q124 208 134 232 Z", p.cloth)
        + line("M114 180 Q152 162 186 190", p.base, 12)
        + box(146, 166, 18, 20, "none", 4, stroke=METAL, stroke_width=4)
        + line("M186 190 L238 282", p.base, 9)
        + line("M114 214 Q150 216 186 250 Q226 286 300 293", WOOD, 5)
    )
    return moved(_pair(shoe, 30, 34), 0, -10)


def canvas_shoes(p: Paint) -> str:
    shoe = (
        path(_foot(196, 118, 302, 190), p.cloth)
        + path("M262 252 Q304 262 302 298 L250 298 Q246 266 262 252 Z", FUR)
        + shade("M122 196 L138 196 L136 298 L116 298 Q112 262 122 232 Z", 0.12)
        + path("M120 196 L190 196 L192 210 L121 210 Z", p.dark)
        + circle(146, 246, 17, FUR)
        + circle(146, 246, 8, p.accent)
        + line("M190 206 L196 228 Q216 244 246 252", p.deep, 4, opacity=0.5)
        + _laces(p, ((208, 224), (226, 240), (246, 254)))
        + box(112, 288, 194, 22, FUR, 9)
        + line("M118 296 L300 296", p.accent, 4)
    )
    return moved(_pair(shoe, 30, 34), 0, -16)


def flip_flops(p: Paint) -> str:
    sole = (
        "M200 84 Q246 84 252 142 Q252 176 240 210 Q236 240 242 270 Q246 318 202"
        " 318 Q158 318 160 268 Q164 230 156 196 Q144 158 148 136 Q156 84 200 84 Z"
    )
    flop = (
        moved(path(sole, p.deep), 4, 8)
        + path(sole, SOLE)
        + line("M164 138 Q158 180 172 226", "#ffffff", 5, opacity=0.6)
        + line("M200 128 Q164 150 158 214", p.base, 15)
        + line("M200 128 Q240 150 244 214", p.base, 15)
        + line("M200 126 Q168 148 163 196", p.light, 3)
        + circle(200, 126, 9, p.dark)
    )
    return (
        moved(flop, -62, 4, 0.9, -8) + f'<g transform="translate(462 4) scale(-1 1)">{moved(flop, 0, 0, 0.9, -8)}</g>'
    )


def espadrilles(p: Paint) -> str:
    weave = "".join(line(f"M{x} 296 l8 14", WOOD, 3) for x in range(116, 300, 11))
    shoe = (
        path("M116 224 Q132 214 148 226 Q176 252 216 254 Q296 256 304 298 L112 298 Q106 252 116 224 Z", p.cloth)
        + path("M148 226 Q176 252 216 254 Q196 268 168 262 Q144 256 148 226 Z", p.deep)
        + shade("M116 224 Q126 216 136 220 Q126 256 132 298 L112 298 Q106 252 116 224 Z", 0.13)
        + seam("M236 256 Q228 276 232 298", 2.5, 0.22)
        + box(108, 292, 200, 22, "#dcc39a", 9)
        + weave
    )
    return moved(_pair(shoe, 34, 34), 0, -18)


def sneakers(p: Paint) -> str:
    shoe = (
        path(
            "M118 206 Q126 196 142 204 L186 200 Q198 232 232 246 Q292 254 304 290 L114 292 Q106 244 118 206 Z", p.cloth
        )
        + path("M236 247 Q292 254 304 290 L246 292 Q256 264 236 247 Z", p.dark)
        + path("M118 206 Q126 196 142 204 L150 292 L114 292 Q106 244 118 206 Z", p.dark)
        + path("M150 276 Q196 270 222 234 L240 246 Q214 286 152 292 Z", p.accent)
        + path("M140 204 L186 200 L192 214 Q164 220 142 216 Z", p.deep)
        + _laces(p, ((206, 224), (222, 238), (240, 248)))
        + path("M108 286 L308 284 Q314 306 296 314 L126 314 Q104 312 108 286 Z", FUR)
        + line("M114 298 Q200 306 306 296", p.base, 5)
    )
    return moved(_pair(shoe, 32, 34), 0, -16)


def ankle_boots(p: Paint) -> str:
    shoe = (
        path("M126 128 L198 128 L202 216 Q232 240 274 254 Q302 264 304 292 L124 292 Q118 252 126 222 Z", p.cloth)
        + shade("M126 128 L144 128 L140 292 L124 292 Q118 252 126 222 Z", 0.13)
        + seam("M182 130 L184 226 Q170 262 124 272", 3, 0.25)
        + box(178, 140, 8, 22, METAL, 3)
        + path("M122 288 L306 288 L306 300 L186 302 L176 318 L128 318 Z", INK)
        + seam("M128 142 L198 142", 2.5, 0.2)
    )
    return _pair(shoe)


def loafers(p: Paint) -> str:
    shoe = (
        path("M116 232 Q128 214 150 224 Q184 240 210 240 Q290 244 304 292 L114 294 Q106 258 116 232 Z", p.cloth)
        + path("M150 224 Q184 240 214 240 Q200 258 172 254 Q146 248 150 224 Z", p.deep)
        + path("M206 236 Q236 236 250 262 L226 276 Q214 248 190 250 Z", p.dark)
        + line("M214 254 L238 264", METAL, 6)
        + line("M206 262 Q262 262 292 290", p.light, 4, opacity=0.7)
        + shade("M116 232 Q124 220 134 220 Q128 256 134 294 L114 294 Q106 258 116 232 Z", 0.13)
        + path("M110 290 L306 288 L306 302 L172 304 L170 314 L112 314 Z", INK)
    )
    return moved(_pair(shoe, 34, 34), 0, -18)


def rubber_boots(p: Paint) -> str:
    shoe = (
        path("M124 118 L204 118 L204 222 Q232 244 272 252 Q306 260 304 296 L118 296 Q112 258 122 228 Z", p.cloth)
        + shade("M124 118 L142 118 L138 296 L118 296 Q112 258 122 228 Z", 0.14)
        + path("M120 116 L208 116 L208 136 L122 136 Z", p.light)
        + shine("M180 146 L192 146 L192 216 L182 216 Z", 0.4)
        + shine("M250 256 Q280 262 288 278 L276 280 Q266 266 246 264 Z", 0.4)
        + _tread(p.deep)
        + ellipse(164, 117, 44, 6, p.deep)
    )
    return _pair(shoe)


def chelsea(p: Paint) -> str:
    shoe = (
        path("M124 140 L198 136 L202 220 Q236 244 276 256 Q304 264 304 294 L116 294 Q112 256 122 224 Z", p.cloth)
        + shade("M124 140 L140 140 L136 294 L116 294 Q112 256 122 224 Z", 0.13)
        + path("M152 138 L184 137 Q186 190 172 228 Q160 204 152 138 Z", p.deep)
        + "".join(line(f"M{157 + i * 7} 146 L{160 + i * 5} 200", p.dark, 2) for i in range(4))
        + line("M130 140 q-6 -22 4 -26 q10 4 4 24", p.dark, 5)
        + path("M112 290 L308 290 L306 304 L170 306 L168 316 L114 316 Z", INK)
        + shine("M246 254 Q280 262 290 278 L280 280 Q266 266 242 262 Z", 0.22)
    )
    return _pair(shoe)
