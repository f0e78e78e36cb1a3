"""Drawings of headwear."""

from app.demo.pictures.canvas import (
    FUR,
    METAL,
    Paint,
    box,
    circle,
    ellipse,
    line,
    mirrored,
    path,
    seam,
    shade,
    shine,
)


def _ribs(x: int, y: int, width: int, height: int, fill: str) -> str:
    ticks = "".join(seam(f"M{i} {y + 6} L{i} {y + height - 6}", 3, 0.2) for i in range(x + 13, x + width - 6, 13))
    return box(x, y, width, height, fill, 16) + ticks


def _fluff(points: tuple[tuple[float, float, float], ...], fill: str = FUR) -> str:
    return "".join(circle(x, y, r, fill) for x, y, r in points)


def beanie(p: Paint) -> str:
    pompom = _fluff(((200, 82, 32), (176, 92, 16), (224, 92, 16), (184, 62, 15), (217, 62, 15), (200, 106, 16)))
    return (
        pompom
        + shade("M176 98 Q200 116 226 96 Q220 120 200 122 Q180 120 176 98 Z", 0.1)
        + path("M96 254 Q92 112 200 106 Q308 112 304 254 Z", p.cloth)
        + shade("M250 124 Q306 150 304 254 L262 254 Q276 172 250 124 Z", 0.1)
        + line("M104 204 Q200 222 296 204", p.accent, 10)
        + line("M108 184 Q200 200 292 184", FUR, 5)
        + _ribs(86, 230, 228, 60, p.dark)
    )


def ushanka(p: Paint) -> str:
    flap = path("M98 190 Q76 236 92 290 Q108 318 134 300 Q152 268 140 206 Z", p.cloth) + path(
        "M110 214 Q98 246 107 276 Q115 288 124 276 Q133 250 126 216 Z", FUR
    )
    tie = line("M112 300 Q108 324 118 338", p.dark, 5)
    return (
        mirrored(tie + flap)
        + path("M108 190 Q108 84 200 80 Q292 84 292 190 Q200 214 108 190 Z", p.cloth)
        + seam("M200 82 L200 150 M140 100 Q128 130 128 160 M260 100 Q272 130 272 160", 3, 0.2)
        + path("M96 200 Q92 138 122 132 Q200 116 278 132 Q308 138 304 200 Q290 222 200 214 Q110 222 96 200 Z", FUR)
        + "".join(
            line(f"M{x} {y} q4 9 0 16", p.dark, 2.5, opacity=0.28)
            for x, y in (
                (120, 160),
                (142, 176),
                (160, 150),
                (184, 172),
                (206, 148),
                (228, 174),
                (250, 152),
                (270, 176),
                (284, 156),
            )
        )
    )


def beret(p: Paint) -> str:
    return (
        line("M214 108 q-4 -20 10 -26", p.dark, 9)
        + path(
            "M88 226 Q72 148 160 116 Q250 90 312 142 Q350 184 308 224 Q276 244 262 246 L120 254 Q96 250 88 226 Z",
            p.cloth,
        )
        + shade(
            "M88 226 Q160 240 230 226 Q290 212 322 178 Q326 208 308 224 Q276 244 262 246 L120 254 Q96 250 88 226 Z",
            0.14,
        )
        + shine("M124 160 Q160 124 220 122 Q170 140 148 176 Z", 0.2)
        + path("M118 244 Q190 264 264 238 L266 262 Q190 288 120 268 Z", p.dark)
        + circle(142, 262, 5, METAL)
    )


def balaclava(p: Paint) -> str:
    return (
        path("M110 200 Q104 74 200 68 Q296 74 290 200 Q290 250 302 300 Q200 346 98 300 Q110 250 110 200 Z", p.cloth)
        + shade("M250 88 Q296 120 290 200 Q290 250 302 300 Q280 314 256 320 Q272 200 250 88 Z", 0.1)
        + path("M134 174 Q136 122 200 122 Q264 122 266 174 Q266 222 200 226 Q134 222 134 174 Z", p.light)
        + path("M148 174 Q150 138 200 138 Q250 138 252 174 Q250 206 200 210 Q150 206 148 174 Z", p.deep)
        + shade("M148 174 Q150 138 200 138 Q250 138 252 174 Q226 152 200 152 Q174 152 148 174 Z", 0.35)
        + seam("M106 276 Q200 312 294 276 M122 232 Q200 262 278 232", 3, 0.2)
    )


def headband(p: Paint) -> str:
    return (
        path(
            "M92 170 Q98 108 200 104 Q302 108 308 170 Q310 186 304"
            " 196 Q290 150 200 148 Q110 150 96 196 Q90 186 92 170 Z",
            p.deep,
        )
        + path(
            "M92 176 Q104 226 200 230 Q296 226 308 176 Q314 216 306"
            " 248 Q284 292 200 294 Q116 292 94 248 Q86 216 92 176 Z",
            p.cloth,
        )
        + shade("M94 248 Q116 292 200 294 Q284 292 306 248 Q300 250 296 252 Q270 272 200 274 Q130 272 104 252 Z", 0.15)
        + path("M182 224 Q200 214 218 224 Q212 262 220 298 Q200 304 180 298 Q188 262 182 224 Z", p.dark)
        + mirrored(seam("M120 236 Q150 250 184 252 M116 256 Q150 272 184 272", 3, 0.2))
    )


def bucket_hat(p: Paint) -> str:
    return (
        path("M132 204 L146 116 Q200 96 254 116 L268 204 Z", p.cloth)
        + path("M132 196 Q200 214 268 196 Q292 228 328 254 Q318 282 200 286 Q82 282 72 254 Q108 228 132 196 Z", p.cloth)
        + shade("M132 196 Q200 214 268 196 Q276 208 286 218 Q200 238 114 218 Q124 208 132 196 Z", 0.2)
        + "".join(
            seam(f"M{112 - i * 14} {228 + i * 13} Q200 {250 + i * 14} {288 + i * 14} {228 + i * 13}", 2, 0.18)
            for i in range(3)
        )
        + ellipse(200, 112, 53, 10, "#ffffff", opacity=0.18)
        + mirrored(circle(156, 160, 4, METAL) + circle(156, 176, 4, METAL))
    )


def cap(p: Paint) -> str:
    return (
        path("M98 224 Q96 118 196 112 Q288 116 290 222 Z", p.cloth)
        + shade("M236 122 Q288 144 290 222 L248 222 Q262 164 236 122 Z", 0.1)
        + seam("M196 112 Q158 150 152 222 M196 112 Q236 150 244 222", 2.5, 0.2)
        + circle(196, 112, 8, p.dark)
        + path(
            "M230 214 Q330 214 344 262 Q346 272 334 270 Q270 244 196 244 Q130 244 98 226 L98 218 Q160 214 230 214 Z",
            p.dark,
        )
        + line("M112 228 Q190 238 250 236 Q300 240 334 262", "#ffffff", 2.5, opacity=0.35, stroke_dasharray="7 6")
        + path("M196 150 l8 17 18 2 -13 13 3 18 -16 -9 -16 9 3 -18 -13 -13 18 -2 Z", p.accent)
    )


def brim_hat(p: Paint) -> str:
    return (
        ellipse(200, 248, 152, 40, p.dark)
        + ellipse(200, 240, 152, 38, p.cloth)
        + shade("M120 236 Q200 274 280 236 Q306 250 282 258 Q200 280 118 258 Q94 250 120 236 Z", 0.2)
        + path("M124 240 Q128 128 164 118 Q200 132 236 118 Q272 128 276 240 Q200 266 124 240 Z", p.cloth)
        + shade("M244 122 Q272 134 276 240 Q258 248 240 252 Q254 180 244 122 Z", 0.1)
        + path("M125 212 Q200 238 275 212 L277 240 Q200 266 123 240 Z", p.accent)
        + path("M262 214 l34 -8 -8 18 10 16 -36 -2 Z", p.accent)
        + shade("M262 214 l8 -2 0 26 -8 0 Z", 0.2)
    )


def bandana(p: Paint) -> str:
    return (
        path("M272 196 Q322 180 338 204 Q318 214 294 214 Q326 228 330 258 Q300 250 270 222 Z", p.dark)
        + path("M94 220 Q92 116 190 110 Q280 114 286 206 Q250 236 190 236 Q124 238 94 220 Z", p.cloth)
        + path("M94 220 Q150 196 200 198 Q252 198 286 206 L284 226 Q250 218 196 222 Q140 224 100 244 Z", p.dark)
        + circle(278, 212, 14, p.base)
        + "".join(
            path(f"M{x} {y} q9 -15 18 0 q-9 15 -18 0 Z", FUR) + circle(x + 9, y, 3, p.accent)
            for x, y in ((118, 176), (152, 148), (152, 184), (190, 130), (192, 168), (228, 150), (232, 184), (258, 176))
        )
    )


def visor(p: Paint) -> str:
    return (
        path("M92 196 Q96 140 200 136 Q304 140 308 196 Q300 170 200 166 Q100 170 92 196 Z", p.deep)
        + path("M92 192 Q110 232 200 234 Q290 232 308 192 L308 222 Q290 262 200 264 Q110 262 92 222 Z", p.cloth)
        + path("M108 236 Q200 268 292 236 Q318 268 318 294 Q300 278 200 278 Q100 278 82 294 Q82 268 108 236 Z", p.dark)
        + line("M104 266 Q200 284 296 266", FUR, 4, opacity=0.7)
        + line("M96 208 Q120 244 200 247 Q280 244 304 208", p.accent, 6)
    )
