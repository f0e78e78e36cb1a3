"""Drawings of knitwear and summer clothes."""

from app.demo.pictures.canvas import FUR, Paint, box, ellipse, line, mirrored, path, seam, shade
from app.demo.pictures.tailoring import buttons, cuffs, hood, neckline, ribs, sleeves, torso


def sweater(p: Paint) -> str:
    band = "".join(path(f"M{x} 150 l9 11 l-9 11 l-9 -11 Z", p.accent) for x in range(146, 260, 18))
    return (
        sleeves(p, 250, 32)
        + cuffs(p, 252, p.dark, 32)
        + torso(p, 284, 2)
        + line("M138 144 L262 144 M138 178 L262 178", FUR, 4, opacity=0.9)
        + band
        + ribs(284, 70, p.dark)
        + neckline(p, p.dark, 20)
    )


def jumper(p: Paint) -> str:
    return (
        sleeves(p, 250, 30)
        + cuffs(p, 252, p.dark)
        + torso(p, 280, 0)
        + path("M166 87 L200 142 L234 87 Q200 98 166 87 Z", FUR)
        + line("M163 87 L200 146 L237 87", p.dark, 9)
        + ribs(282, 70, p.dark)
    )


def cardigan(p: Paint) -> str:
    return (
        sleeves(p, 252, 32)
        + cuffs(p, 254, p.dark, 32)
        + torso(p, 300, 4)
        + path("M166 86 L198 170 L202 170 L234 86 Q200 96 166 86 Z", FUR)
        + mirrored(
            path("M156 88 L196 172 L196 306 L204 306 L204 168 L168 84 Z", p.dark) + box(142, 240, 40, 36, p.dark, 5)
        )
        + buttons(p, (186, 212, 238, 264, 290), 200, FUR)
    )


def turtleneck(p: Paint) -> str:
    return (
        sleeves(p, 250, 26)
        + cuffs(p, 252, p.dark, 26)
        + torso(p, 284, -4, 6)
        + path("M166 96 L170 52 Q200 44 230 52 L234 96 Q200 112 166 96 Z", p.light)
        + seam("M169 68 Q200 80 231 68", 2.5, 0.22)
        + ellipse(200, 53, 29, 7, p.deep)
        + seam("M166 96 Q200 112 234 96", 2.5, 0.25)
        + shade("M140 270 L260 270 L266 286 Q200 293 134 286 Z", 0.16)
    )


def hoodie(p: Paint) -> str:
    return (
        sleeves(p, 248, 34)
        + cuffs(p, 250, p.dark, 34)
        + torso(p, 286, 6)
        + path("M150 222 L250 222 L266 268 L134 268 Z", p.light)
        + seam("M150 222 L134 268 M250 222 L266 268", 3)
        + ribs(288, 76, p.dark)
        + hood(p)
        + line("M182 114 L178 160", FUR, 4)
        + line("M218 114 L222 154", FUR, 4)
    )


def tshirt(p: Paint) -> str:
    return (
        mirrored(
            path("M152 90 Q122 98 108 116 L72 178 L110 202 L140 160 Z", p.cloth)
            + shade("M140 160 L136 118 L104 198 L110 202 Z", 0.14)
            + seam("M78 170 L114 194", 2.5, 0.2)
        )
        + torso(p, 300, 0)
        + seam("M133 290 Q200 300 267 290", 2.5, 0.2)
        + neckline(p, p.dark, 22)
    )


def shirt(p: Paint) -> str:
    return (
        sleeves(p, 250)
        + cuffs(p, 250, p.dark)
        + torso(p, 296, -2)
        + path("M172 86 L200 122 L228 86 Q200 80 172 86 Z", FUR)
        + seam("M200 118 L200 303 M212 112 L212 302", 2, 0.25)
        + mirrored(path("M174 78 L152 92 L172 126 L199 112 Z", p.light) + seam("M152 92 L172 126 L199 112", 2, 0.22))
        + path("M174 80 Q200 92 226 80 L222 76 Q200 84 178 76 Z", p.deep)
        + box(222, 148, 34, 36, p.light, 4)
        + seam("M222 158 L256 158", 2, 0.2)
        + buttons(p, (138, 168, 198, 228, 258, 286), 206, FUR)
    )


def dress(p: Paint) -> str:
    return (
        mirrored(
            path("M160 82 Q126 86 116 120 L112 140 L142 150 L150 116 Z", p.cloth)
            + shade("M142 150 L150 116 L130 146 Z", 0.12)
        )
        + path(
            "M160 82 Q200 118 240 82 L252 118 L244 186 Q280 260 300 318 Q200 342 100 318 Q120 260 156 186 L148 118 Z",
            p.cloth,
        )
        + shade("M230 196 Q256 262 264 327 Q284 323 300 318 Q280 260 244 186 Z", 0.12)
        + seam("M176 204 Q160 264 154 326 M206 204 L208 332 M232 204 Q248 262 252 326", 2.5, 0.16)
        + path("M155 182 Q200 192 245 182 L247 200 Q200 210 153 200 Z", p.dark)
        + line("M160 82 Q200 118 240 82", p.light, 5)
    )


def sundress(p: Paint) -> str:
    return (
        mirrored(line("M164 118 L172 68", p.dark, 7))
        + path(
            "M152 118 Q176 104 200 122 Q224 104 248 118 L242 176 Q282 226 300 304 Q200 330 100 304 Q118 226 158 176 Z",
            p.cloth,
        )
        + shade("M236 184 Q270 236 276 311 Q290 308 300 304 Q282 226 242 176 Z", 0.12)
        + path("M100 304 Q96 284 106 272 Q200 296 294 272 Q304 284 300 304 Q200 330 100 304 Z", p.light)
        + seam("M106 272 Q200 296 294 272", 2.5, 0.2)
        + line("M158 176 Q200 188 242 176", p.dark, 6)
        + buttons(p, (140, 158), 200, FUR)
    )


def shorts(p: Paint) -> str:
    return (
        path("M124 122 L276 122 Q296 200 306 268 L222 282 L200 212 L178 282 L94 268 Q104 200 124 122 Z", p.cloth)
        + shade("M200 212 L200 146 L214 150 L240 278 L222 282 Z", 0.1)
        + path("M122 112 Q200 122 278 112 L281 138 Q200 150 119 138 Z", p.dark)
        + mirrored(seam("M142 144 Q138 172 112 182", 3, 0.28) + seam("M97 254 L180 268", 2.5, 0.22))
        + line("M192 136 Q182 158 186 178 M208 136 Q220 156 214 174", FUR, 4)
        + seam("M200 146 L200 212", 2.5, 0.25)
    )
