"""Drawings of bags, things for a hike, and accessories."""

from app.demo.pictures.canvas import (
    FUR,
    INK,
    METAL,
    WOOD,
    Paint,
    box,
    circle,
    ellipse,
    line,
    mirrored,
    moved,
    path,
    seam,
    shade,
    shine,
)


def backpack(p: Paint) -> str:
    return (
        line("M176 84 Q176 58 200 58 Q224 58 224 84", p.deep, 9)
        + mirrored(path("M118 196 Q92 204 96 262 Q98 296 122 300 Z", p.dark))
        + path(
            "M116 304 Q108 120 142 96 Q200 66 258 96 Q292 120 284 304 Q282 326 262 326 L138 326 Q118 326 116 304 Z",
            p.cloth,
        )
        + shade("M250 92 Q292 120 284 304 Q282 326 262 326 L246 326 Q268 200 250 92 Z", 0.12)
        + path("M124 152 Q128 106 158 92 Q200 74 242 92 Q272 106 276 152 Q200 172 124 152 Z", p.dark)
        + mirrored(line("M160 160 L160 208", WOOD, 10) + box(151, 196, 18, 20, METAL, 4))
        + box(136, 222, 128, 84, p.dark, 18)
        + box(142, 228, 116, 72, p.light, 14, opacity=0.35)
        + line("M146 244 L254 244", p.deep, 4)
        + line("M246 244 l4 18", METAL, 5)
    )


def duffel(p: Paint) -> str:
    return (
        line("M142 178 Q146 92 200 92 Q254 92 258 178", p.deep, 12)
        + path(
            "M84 196 Q86 170 112 168 L288 168 Q314 170 316 196 L322 290 Q322 318 294 318 L106 318 Q78 318 78 290 Z",
            p.cloth,
        )
        + shade("M288 168 Q314 170 316 196 L322 290 Q322 318 294 318 L276 318 Q296 240 288 168 Z", 0.12)
        + line("M98 186 L302 186", p.deep, 5)
        + line("M200 186 l0 16", METAL, 6)
        + mirrored(box(134, 168, 18, 150, p.dark) + box(131, 232, 24, 22, METAL, 4) + circle(90, 300, 5, METAL))
        + box(162, 232, 76, 58, p.dark, 10)
        + line("M168 248 L232 248", p.deep, 4)
    )


def suitcase(p: Paint) -> str:
    return (
        line("M172 108 L172 56 L228 56 L228 108", METAL, 7)
        + line("M170 56 L230 56", INK, 10)
        + mirrored(box(132, 318, 22, 18, INK, 7))
        + box(112, 104, 176, 218, p.cloth, 24)
        + shade("M264 104 Q288 106 288 128 L288 298 Q288 322 264 322 L250 322 L250 104 Z", 0.12)
        + "".join(line(f"M{x} 124 L{x} 302", p.dark, 6, opacity=0.6) for x in (140, 170, 200, 230, 260))
        + mirrored(box(112, 196, 14, 34, METAL, 4))
        + box(180, 92, 40, 16, p.deep, 6)
        + moved(
            box(214, 150, 44, 30, FUR, 5) + box(220, 158, 24, 4, p.accent, 2) + box(220, 168, 32, 4, p.accent, 2),
            0,
            0,
            1,
            6,
        )
    )


def briefcase(p: Paint) -> str:
    return (
        line("M164 132 L164 104 Q164 92 178 92 L222 92 Q236 92 236 104 L236 132", p.deep, 11)
        + box(86, 128, 228, 182, p.cloth, 16)
        + shade("M86 270 L314 270 L314 294 Q314 310 298 310 L102 310 Q86 310 86 294 Z", 0.13)
        + path("M86 146 Q86 128 104 128 L296 128 Q314 128 314 146 L306 226 Q200 254 94 226 Z", p.dark)
        + seam("M100 142 L300 142", 2, 0.2)
        + mirrored(
            box(126, 196, 22, 66, p.light, 5) + box(124, 234, 26, 22, METAL, 5) + box(132, 240, 10, 10, p.deep, 2)
        )
    )


def tote(p: Paint) -> str:
    return (
        mirrored("")
        + line("M156 156 Q152 64 200 64 Q248 64 244 156", p.deep, 8)
        + path("M104 148 L296 148 L310 318 Q310 330 298 330 L102 330 Q90 330 90 318 Z", p.cloth)
        + line("M148 160 Q142 76 196 76 Q238 76 236 160", p.dark, 9)
        + shade("M280 148 L296 148 L310 318 Q310 330 298 330 L278 330 Z", 0.12)
        + shade("M104 148 L296 148 L297 164 L103 164 Z", 0.12)
        + path(
            "M200 286 C150 256 156 216 184 216 Q196 216 200 230 Q204 216 216 216 C244 216 250 256 200 286 Z", p.accent
        )
    )


def tent(p: Paint) -> str:
    return (
        line("M70 320 L42 334 M330 320 L358 334", METAL, 4)
        + path("M200 104 L286 112 L344 324 L256 324 Z", p.dark)
        + path("M200 104 L56 324 L262 324 Z", p.cloth)
        + shade("M200 104 L262 324 L236 324 Z", 0.12)
        + path("M196 140 L118 324 L212 324 Q200 230 196 140 Z", p.deep)
        + path("M196 140 L118 324 L146 324 Q186 236 196 140 Z", p.accent)
        + line("M196 138 L150 240", FUR, 3, opacity=0.8)
        + line("M200 104 L200 86 M286 112 L290 96", METAL, 5)
        + line("M92 304 L120 262 M106 312 L112 300", "#ffffff", 3, opacity=0.35)
        + path("M246 150 L272 154 L288 210 L260 206 Z", p.light)
    )


def thermos(p: Paint) -> str:
    return (
        box(152, 130, 96, 200, p.cloth, 22)
        + path("M152 152 Q152 118 170 110 L230 110 Q248 118 248 152 Z", METAL)
        + box(164, 60, 72, 56, p.dark, 14)
        + box(160, 102, 80, 12, p.deep, 5)
        + shade("M224 130 L232 130 Q248 132 248 152 L248 308 Q248 330 226 330 L218 330 Z", 0.14)
        + box(166, 150, 12, 150, "#ffffff", 6, opacity=0.3)
        + box(152, 286, 96, 14, METAL)
        + path("M246 168 Q298 172 296 222 Q292 266 246 266 L246 250 Q278 248 280 222 Q280 188 246 184 Z", p.deep)
        + path("M186 206 L200 182 L214 206 L206 206 L218 226 L182 226 L194 206 Z", FUR)
        + box(197, 226, 6, 10, FUR)
    )


def mug(p: Paint) -> str:
    return (
        line("M170 96 q-14 -20 0 -36 q12 -16 0 -32 M206 100 q-14 -20 0 -36 q12 -16 0 -32", "#ffffff", 8, opacity=0.9)
        + path("M262 168 Q330 164 328 226 Q324 280 258 282 L260 262 Q306 258 308 226 Q308 184 264 188 Z", p.dark)
        + path("M110 136 L272 136 L264 298 Q262 322 238 322 L144 322 Q120 322 118 298 Z", p.cloth)
        + shade("M246 136 L272 136 L264 298 Q262 322 238 322 L224 322 Q246 240 246 136 Z", 0.12)
        + ellipse(191, 137, 81, 17, p.light)
        + ellipse(191, 139, 70, 12, "#6b4a35")
        + shine("M130 168 L144 168 L150 292 L138 292 Z", 0.28)
        + path("M148 262 L180 206 L198 236 L208 220 L236 262 Z", FUR)
        + path("M172 221 L180 206 L190 222 L180 228 Z", p.accent)
        + circle(222, 196, 8, p.accent)
    )


def lantern(p: Paint) -> str:
    return (
        line("M152 128 Q152 52 200 52 Q248 52 248 128", METAL, 6)
        + path("M166 110 L234 110 L248 142 L152 142 Z", p.dark)
        + box(176, 92, 48, 22, p.deep, 8)
        + box(156, 142, 88, 112, "#fff4cf", 12)
        + ellipse(200, 200, 26, 38, "#ffe08a")
        + ellipse(200, 206, 12, 24, "#fffdf2")
        + mirrored(line("M158 140 L158 258", METAL, 6) + line("M180 142 L180 254", METAL, 3))
        + path("M148 252 L252 252 L264 306 Q264 328 244 328 L156 328 Q136 328 136 306 Z", p.cloth)
        + shade("M238 252 L252 252 L264 306 Q264 328 244 328 L228 328 Z", 0.14)
        + circle(200, 290, 15, p.dark)
        + circle(200, 290, 8, p.accent)
    )


def blanket(p: Paint) -> str:
    fringe = "".join(line(f"M{x} 312 l{-4 + x % 7} 18", p.dark, 4) for x in range(96, 312, 13))
    return (
        fringe
        + path("M104 146 Q200 128 296 146 Q318 152 316 176 L316 200 L84 200 L84 176 Q82 152 104 146 Z", p.dark)
        + path("M84 190 Q82 166 106 164 L294 164 Q318 166 316 190 L316 244 L84 244 Z", p.light)
        + path("M84 226 Q82 204 106 202 L294 202 Q318 204 316 226 L316 316 L84 316 Z", p.cloth)
        + shade("M84 226 Q82 204 106 202 L294 202 Q318 204 316 226 Q318 214 296 214 L104 214 Q84 214 84 226 Z", 0.2)
        + line("M90 190 Q94 172 110 172 L290 172", "#ffffff", 3, opacity=0.4)
        + box(236, 262, 54, 34, FUR, 4)
        + line("M246 274 L280 274 M246 284 L268 284", p.accent, 4)
    )


def umbrella(p: Paint) -> str:
    return (
        line("M200 84 L200 300 Q200 330 224 330 Q246 330 246 306", WOOD, 10)
        + line("M200 62 L200 84", METAL, 7)
        + path(
            "M52 214 Q62 84 200 78 Q338 84 348 214 Q322 190 298 214 Q274 190 250"
            " 214 Q226 190 200 214 Q174 190 150 214 Q126 190 102 214 Q78 190 52 214 Z",
            p.cloth,
        )
        + path("M200 78 Q140 120 150 214 Q174 190 200 214 Q226 190 250 214 Q260 120 200 78 Z", "#ffffff", opacity=0.16)
        + shade("M200 78 Q338 84 348 214 Q322 190 298 214 Q290 130 200 78 Z", 0.1)
        + seam(
            "M200 78 Q110 110 102 214 M200 78 Q140 120 150 214 M200 78"
            " L200 214 M200 78 Q260 120 250 214 M200 78 Q290 110 298 214",
            2,
            0.22,
        )
    )


def sunglasses(p: Paint) -> str:
    lens = "M76 176 Q130 160 184 178 Q192 240 150 256 Q98 262 82 224 Q76 204 76 176 Z"
    return moved(
        mirrored(
            line("M78 180 Q58 150 88 122 L116 110", p.dark, 10)
            + path(lens, p.deep, stroke=p.base, stroke_width=11, stroke_linejoin="round")
            + path("M90 186 Q112 176 134 178 L104 236 Q88 214 90 186 Z", "#ffffff", opacity=0.24)
        )
        + line("M184 190 Q200 176 216 190", p.base, 11),
        0,
        10,
    )


def gloves(p: Paint) -> str:
    hand = (
        path(
            "M128 214 Q94 196 102 172 Q114 160 130 176 L150 198 L150 116"
            " Q150 96 164 96 Q176 96 178 112 Q180 84 196 84 Q212 84 212 110"
            " Q216 92 230 94 Q244 96 244 118 L246 132 Q252 118 264 124 Q274"
            " 130 272 148 L264 232 Q262 252 246 258 L166 258 Q146 246 128 214 Z",
            p.cloth,
        )
        + seam("M178 112 L179 172 M212 110 L212 170 M245 132 L243 176", 3, 0.24)
        + shade("M150 198 Q160 226 186 236 Q160 240 140 228 L128 214 Z", 0.14)
        + box(160, 252, 94, 58, p.dark, 12)
        + "".join(seam(f"M{x} 260 L{x} 302", 3, 0.2) for x in range(174, 248, 12))
    )
    return moved(f'<g transform="matrix(-1 0 0 1 400 0)">{hand}</g>', -48, -8, 0.84, -10) + moved(hand, 44, 14, 0.84, 8)


def scarf(p: Paint) -> str:
    def fringe(x: int, y: int) -> str:
        return "".join(line(f"M{x + i * 9} {y} l0 16", p.dark, 4) for i in range(7))

    return (
        fringe(131, 306)
        + fringe(219, 322)
        + path("M216 152 L282 152 L280 328 L214 328 Z", p.cloth)
        + shade("M216 152 L282 152 L281 200 L215 176 Z", 0.2)
        + path("M126 152 L192 152 L190 312 L126 312 Z", p.cloth)
        + shade("M126 152 L192 152 L191 186 L126 204 Z", 0.2)
        + path("M96 128 Q92 84 200 80 Q308 84 304 128 Q304 186 200 192 Q96 186 96 128 Z", p.cloth)
        + path("M126 120 Q140 102 200 102 Q260 102 274 120 Q260 142 200 144 Q140 142 126 120 Z", p.deep)
        + seam("M104 152 Q150 178 214 176 M116 168 Q150 184 184 186 M296 146 Q276 166 244 174", 3, 0.2)
    )


def belt(p: Paint) -> str:
    ring = "M200 104 A106 92 0 1 0 200.1 104 Z"
    return (
        line(ring, p.deep, 40)
        + moved(line(ring, p.base, 40), 0, -7)
        + moved(line(ring, p.light, 2.5, stroke_dasharray="8 7"), 0, -21)
        + moved(line(ring, p.light, 2.5, stroke_dasharray="8 7"), 0, 7)
        + path("M232 262 L314 226 L330 254 L244 300 Z", p.dark)
        + circle(288, 258, 4, p.deep)
        + circle(306, 249, 4, p.deep)
        + box(172, 258, 66, 58, "none", 10, stroke=METAL, stroke_width=10)
        + line("M176 287 L232 287", METAL, 8)
    )
