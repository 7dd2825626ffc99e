"""draw.py - paints batches of scenes with signed-distance shapes in PyTorch, at any square size, on any device.

Coordinates: x to the right, y downward, the picture is [0,1] x [0,1]. A distance is in picture widths and
negative inside. Everything is anti-aliased over one pixel. Pictures of one style are painted together, because
a style decides what laying down a shape means: a blend, a blend over a shadow, or an ink outline.

The random detail (where clouds drift, how hills roll) comes from the scene's own `seed`, never from a
generator here: the same scene is the same picture at every size.
"""

import math

import torch
import torch.nn.functional as F

from scenes import COLOURS

SKY = {"dawn": ((0.60, 0.62, 0.88), (1.00, 0.80, 0.74)), "day": ((0.30, 0.60, 0.96), (0.76, 0.91, 0.99)),
       "sunset": ((0.44, 0.22, 0.52), (1.00, 0.58, 0.26)), "night": ((0.04, 0.05, 0.17), (0.13, 0.18, 0.40))}
TINT = {"dawn": (0.98, 0.89, 0.92), "day": (1.0, 1.0, 1.0), "sunset": (1.0, 0.80, 0.70), "night": (0.40, 0.46, 0.68)}
BACKDROPS = [(0.99, 0.93, 0.80), (0.80, 0.91, 0.98), (0.98, 0.85, 0.86), (0.82, 0.94, 0.84), (0.88, 0.86, 0.97)]
NIGHT_BACKDROP = (0.09, 0.12, 0.30)
GRASS = {"spring": (0.56, 0.78, 0.36), "summer": (0.36, 0.66, 0.28), "autumn": (0.74, 0.60, 0.28),
         "winter": (0.92, 0.94, 0.98)}
LEAVES = {"spring": (0.96, 0.68, 0.78), "summer": (0.22, 0.55, 0.25), "autumn": (0.88, 0.44, 0.14),
          "winter": (0.84, 0.88, 0.93)}
INK = (0.16, 0.16, 0.20)
PLACE_X = {"left": 0.20, "middle": 0.5, "right": 0.80}
SHAPE_X = {"left": 0.22, "middle": 0.5, "right": 0.78}

# Half the height of a thing in picture widths, small; a big one is BIG times that.
SIZE = dict(house=0.105, tree=0.125, pine=0.13, lighthouse=0.15, snowman=0.115, tent=0.10, windmill=0.14,
            flower=0.105, mushroom=0.095, cat=0.10, castle=0.125, car=0.10, cactus=0.11, boat=0.125, whale=0.105,
            duck=0.095, sun=0.07, moon=0.07, star=0.062, balloon=0.095, bird=0.075, kite=0.085)
BIG = 1.5


# ---------------------------------------------------------------------------------------------- distances
def circle(x, y, r):
    return (x * x + y * y).sqrt() - r


def ellipse(x, y, a, b):
    """Exact on the outline, close to it elsewhere; enough for one pixel of anti-aliasing."""
    return (((x / a) ** 2 + (y / b) ** 2).sqrt() - 1) * min(a, b)


def box(x, y, w, h):
    qx, qy = x.abs() - w, y.abs() - h
    return (qx.clamp(min=0) ** 2 + qy.clamp(min=0) ** 2).sqrt() + torch.maximum(qx, qy).clamp(max=0)


def convex(x, y, *points):
    """A convex polygon, corners clockwise as seen on the picture."""
    d = None
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
        ex, ey = bx - ax, by - ay
        e = ((x - ax) * ey - (y - ay) * ex) / math.hypot(ex, ey)
        d = e if d is None else torch.maximum(d, e)
    return d


def line(x, y, ax, ay, bx, by, r):
    ex, ey = bx - ax, by - ay
    h = (((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey)).clamp(0, 1)
    return circle(x - ax - ex * h, y - ay - ey * h, r)


def five_star(x, y, r):
    """Folds the plane into a tenth of a turn; one edge is left."""
    k = math.pi / 5
    turn = torch.remainder(torch.atan2(x, -y) + k, 2 * k) - k
    q = (x * x + y * y).sqrt()
    px, py = q * torch.sin(turn.abs()), q * torch.cos(turn)
    bx, by = 0.45 * math.sin(k), 0.45 * math.cos(k)  # inner corner of a star of radius 1
    return ((py - r) * bx - px * (by - 1)) / math.hypot(bx, by - 1)


def heart(x, y, r):
    x, y = x.abs() / r, y / r
    return torch.minimum(circle(x - 0.43, y + 0.34, 0.52), torch.maximum((x + y - 0.83) * 0.7071, -0.12 - y)) * r


def join(*d):
    out = d[0]
    for e in d[1:]:
        out = torch.minimum(out, e)
    return out


def cut(*d):
    out = d[0]
    for e in d[1:]:
        out = torch.maximum(out, e)
    return out


def plain_shape(name, x, y, r):
    if name == "circle":
        return circle(x, y, r)
    if name == "square":
        return box(x, y, r * 0.88, r * 0.88)
    if name == "triangle":
        return cut(y - 0.72 * r, (0.866 * x.abs() - 0.5 * y) - 0.55 * r)
    if name == "star":
        return five_star(x, y, r * 1.15)
    if name == "heart":
        return heart(x, y, r)
    return circle(x, y, r * 0.78).abs() - r * 0.24


# ---------------------------------------------------------------------------------------------- canvas
class Canvas:
    """rgb[n][3][size][size] and how a style lays a shape onto it."""

    def __init__(self, rgb, style):
        self.rgb, self.style, self.size, self.device = rgb, style, rgb.shape[-1], rgb.device
        a = (torch.arange(self.size, device=self.device, dtype=torch.float32) + 0.5) / self.size
        self.x = a.view(1, 1, -1).expand(1, self.size, self.size)
        self.y = a.view(1, -1, 1).expand(1, self.size, self.size)

    def per(self, values):
        """One number a picture as [n][1][1], or one triple a picture as [n][3][1][1]."""
        v = torch.tensor(values, dtype=torch.float32)
        if self.device.type == "cuda":
            v = v.pin_memory().to(self.device, non_blocking=True)
        return v.view(-1, 3, 1, 1) if v.dim() == 2 else v.view(-1, 1, 1)

    def blend(self, alpha, colour):
        self.rgb = self.rgb + alpha.unsqueeze(1) * (colour - self.rgb)

    def cover(self, d):
        return (0.5 - d * self.size).clamp(0, 1)

    def lay(self, d, colour, part="object"):
        """part: 'land' (wide scenery), 'object' (a silhouette), 'detail' (inside a silhouette), 'light' (never inked)."""
        a = self.cover(d)
        if self.style == "paper" and part in ("land", "object"):
            k = self.size / 128
            shift = round(2 * k)
            shade = F.pad(a, (shift, -shift, shift, -shift))
            shade = F.avg_pool2d(F.avg_pool2d(shade, 3, 1, 1), 3, 1, 1)
            self.rgb = self.rgb * (1 - 0.30 * shade.unsqueeze(1))
        if self.style == "line" and part != "light":
            keep = {"land": 0.16, "object": 0.62, "detail": 0.62}[part]
            self.blend(a, 1 + keep * (colour - 1))
            self.blend(self.cover(d.abs() - (0.0055 if part != "detail" else 0.0035)), self.ink)
            return
        self.blend(a, colour)

    @property
    def ink(self):
        return torch.tensor(INK, device=self.device).view(1, 3, 1, 1)

    def subset(self, scenes, idx, fn):
        """Runs fn(scenes, canvas) on the pictures idx alone."""
        if not idx:
            return
        if len(idx) == len(scenes):
            fn(scenes, self)
            return
        i = torch.tensor(idx, device=self.device)
        part = Canvas(self.rgb[i], self.style)
        fn([scenes[k] for k in idx], part)
        self.rgb[i] = part.rgb


def groups(items, key):
    out = {}
    for i, v in enumerate(items):
        k = key(v)
        if k is not None:
            out.setdefault(k, []).append(i)
    return out


def draw(scenes, size, device):
    """-> float32 [n][3][size][size] in [0,1]."""
    device = torch.device(device)
    out = torch.zeros(len(scenes), 3, size, size, device=device)
    for (kind, style), idx in groups(scenes, lambda s: (s["kind"], s.get("style", "flat"))).items():
        part = [scenes[i] for i in idx]
        canvas = Canvas(torch.zeros(len(idx), 3, size, size, device=device), style)
        {"shape": paint_shapes, "bare": paint_bare, "scene": paint_landscape}[kind](part, canvas)
        if style == "pastel":
            grey = canvas.rgb.mean(1, keepdim=True)
            soft = canvas.rgb + 0.18 * (grey - canvas.rgb)
            canvas.rgb = 0.60 * soft + 0.40 * canvas.per([(1.0, 0.975, 0.95)])
        out[torch.tensor(idx, device=device)] = canvas.rgb
    return out.clamp(0, 1)


def paint_shapes(scenes, c):
    def shade(s, name):
        return tuple(v + s["shade"] for v in COLOURS[name])
    c.rgb = c.rgb + c.per([shade(s, s["background"]) for s in scenes])
    for slot in range(2):
        def one(part, p, name):
            o = [s["shapes"][slot] for s in part]
            x = p.x - p.per([SHAPE_X[v["place"]] + v["x"] for v in o])
            y = p.y - p.per([v["y"] for v in o])
            r = p.per([0.10 if v["size"] == "small" else 0.18 for v in o])
            p.blend(p.cover(plain_shape(name, x, y, r)), p.per([shade(s, v["colour"]) for s, v in zip(part, o)]))
        for name, idx in groups(scenes, lambda s: s["shapes"][slot]["shape"] if len(s["shapes"]) > slot else None).items():
            c.subset(scenes, idx, lambda part, p: one(part, p, name))


def paint_bare(scenes, c):
    def dark(s):
        return s["groups"][0]["kind"] in ("moon", "star")
    c.rgb = c.rgb + c.per([NIGHT_BACKDROP if dark(s) else BACKDROPS[s["backdrop"]] for s in scenes])
    if c.style == "line":
        c.rgb = 1 + 0.3 * (c.rgb - 1)
    paint_things(scenes, c)


# ---------------------------------------------------------------------------------------------- landscape
def tinted(s, rgb, k=1.0):
    return tuple(v * (1 + k * (t - 1)) for v, t in zip(rgb, TINT[s["time"]]))


def mixed(a, b, k):
    return tuple(u + k * (v - u) for u, v in zip(a, b))


def horizon(s):
    return 0.62 if s["terrain"] == "sea" else 0.66


def ground_colour(s):
    white = GRASS["winter"]
    base = {"hills": GRASS[s["season"]], "mountains": mixed(GRASS[s["season"]], (0.45, 0.50, 0.45), 0.18),
            "forest": mixed(GRASS[s["season"]], (0.25, 0.40, 0.22), 0.25), "sea": (0.14, 0.45, 0.68),
            "desert": (0.93, 0.77, 0.47), "city": mixed((0.47, 0.48, 0.53), white, 0.7 if s["season"] == "winter" else 0)}
    colour = base[s["terrain"]]
    if s["weather"] == "snow" and s["terrain"] == "desert":
        colour = mixed(colour, white, 0.6)
    return tinted(s, colour)


def sky_colour(s, k):
    light = {"dawn": 0.64, "day": 0.78, "sunset": 0.52, "night": 0.14}[s["time"]]
    grey = {"clear": 0.0, "cloudy": 0.25, "rain": 0.42, "snow": 0.34, "rainbow": 0.0}[s["weather"]]
    return mixed(SKY[s["time"]][k], (light, light * 1.01, light * 1.06), grey)


def paint_landscape(scenes, c):
    top, low = c.per([sky_colour(s, 0) for s in scenes]), c.per([sky_colour(s, 1) for s in scenes])
    k = (c.y / c.per([horizon(s) for s in scenes])).clamp(0, 1).unsqueeze(1)
    c.rgb = top + (low - top) * k
    if c.style == "line":
        c.rgb = 1 + 0.30 * (c.rgb - 1)
    pick = lambda want: [i for i, s in enumerate(scenes) if want(s)]
    c.subset(scenes, pick(lambda s: s["time"] == "night" and s["weather"] == "clear"), paint_stars)
    c.subset(scenes, pick(lambda s: s["weather"] == "rainbow"), paint_rainbow)
    paint_things(scenes, c, only=("sun", "moon"))
    c.subset(scenes, pick(lambda s: s["weather"] in ("cloudy", "rain", "snow")), paint_clouds)
    for name, idx in groups(scenes, lambda s: s["terrain"]).items():
        c.subset(scenes, idx, TERRAIN[name])
    paint_things(scenes, c, but=("sun", "moon"))
    c.subset(scenes, pick(lambda s: s["weather"] == "rain"), paint_rain)
    c.subset(scenes, pick(lambda s: s["weather"] == "snow"), paint_snow)


def cells(c, scenes, n, key):
    """An n x n grid: where in its cell a pixel lies (-0.5..0.5) and two random numbers a cell and picture."""
    sx, sy = c.per([s["seed"][key] * 7 for s in scenes]), c.per([s["seed"][key + 1] * 7 for s in scenes])
    gx, gy = c.x * n + sx, c.y * n + sy
    ix, iy = gx.floor(), gy.floor()
    h = torch.sin(ix * 12.9898 + iy * 78.233 + sx * 3.1) * 43758.547
    g = torch.sin(ix * 39.346 + iy * 11.135 + sy * 5.7) * 24634.634
    return gx - ix - 0.5, gy - iy - 0.5, h - h.floor(), g - g.floor()


def paint_stars(scenes, c):
    x, y, a, b = cells(c, scenes, 6, 0)
    d = circle(x - (a - 0.5) * 0.6, y - (b - 0.5) * 0.6, 0.062) / 6
    c.blend(c.cover(d) * (((a * 7.3) % 1) < 0.62) * (c.y < 0.55), c.per([(1.0, 0.97, 0.80)] * len(scenes)))


def paint_rainbow(scenes, c):
    x = c.x - c.per([0.4 + 0.2 * s["seed"][6] for s in scenes])
    q = circle(x, c.y - 0.72, 0.0)
    for i, rgb in enumerate([(0.93, 0.30, 0.30), (0.98, 0.66, 0.25), (0.99, 0.92, 0.40), (0.42, 0.80, 0.46),
                             (0.36, 0.60, 0.94), (0.64, 0.42, 0.84)]):
        c.blend(c.cover((q - 0.56 + i * 0.022).abs() - 0.011) * 0.85, c.per([rgb] * len(scenes)))


def paint_clouds(scenes, c):
    light = {"dawn": (0.95, 0.87, 0.90), "day": (0.98, 0.98, 0.99), "sunset": (0.82, 0.56, 0.60), "night": (0.30, 0.33, 0.46)}
    colour = c.per([tuple(v * (0.74 if s["weather"] == "rain" else 0.97) for v in light[s["time"]]) for s in scenes])
    for i, (px, py, w) in enumerate([(0.18, 0.15, 1.0), (0.53, 0.09, 0.85), (0.84, 0.20, 1.1)]):
        x = c.x - c.per([px + 0.14 * (s["seed"][i] - 0.5) for s in scenes])
        y = c.y - c.per([py + 0.06 * (s["seed"][i + 3] - 0.5) for s in scenes])
        d = join(circle(x, y, 0.066 * w), circle(x - 0.075 * w, y - 0.02, 0.05 * w), circle(x + 0.08 * w, y - 0.018, 0.052 * w))
        c.lay(cut(join(d, box(x, y - 0.04 * w, 0.10 * w, 0.03 * w)), y - 0.07 * w), colour)


def wave(c, scenes, key, base, height, times):
    return base + height * torch.sin(c.x * times * 6.283 + c.per([s["seed"][key] * 6.283 for s in scenes]))


def paint_ground(c, scenes, level, k=1.0):
    c.lay(c.y * 0 + level - c.y, c.per([tuple(v * k for v in ground_colour(s)) for s in scenes]), "land")


def hills(scenes, c):
    for key, base, height, times, k in [(0, 0.60, 0.06, 0.9, 0.76), (1, 0.67, 0.045, 1.2, 0.88), (2, 0.75, 0.03, 0.8, 1.0)]:
        paint_ground(c, scenes, wave(c, scenes, key, base, height, times), k)


def mountains(scenes, c):
    for i, (px, h, k) in enumerate([(0.27, 0.36, 0.84), (0.77, 0.40, 0.72), (0.52, 0.28, 1.0)]):
        x = c.x - c.per([px + 0.16 * (s["seed"][i] - 0.5) for s in scenes])
        top = c.per([h + 0.07 * (s["seed"][i + 3] - 0.5) for s in scenes])
        d = cut(top + x.abs() * 1.1 - c.y, c.y - 0.8) * 0.67
        c.lay(d, c.per([tinted(s, (0.50 * k, 0.48 * k, 0.56 * k)) for s in scenes]), "land")
        c.lay(cut(d, c.y - top - 0.075 - 0.016 * torch.sin(x * 52)), c.per([tinted(s, (0.96, 0.97, 1.0)) for s in scenes]), "detail")
    paint_ground(c, scenes, wave(c, scenes, 3, 0.73, 0.025, 0.8))


def forest(scenes, c):
    colour = lambda k: c.per([tinted(s, tuple(v * k for v in mixed(LEAVES[s["season"]], (0.16, 0.36, 0.22), 0.45))) for s in scenes])
    for row, (base, n, k) in enumerate([(0.64, 9.0, 0.74), (0.69, 7.0, 0.90)]):
        g = c.x * n + c.per([s["seed"][row] for s in scenes])
        u = (g - g.floor() - 0.5) / n
        h = 0.20 + 0.035 * torch.sin(g.floor() * 2.4 + c.per([s["seed"][row + 2] * 6.283 for s in scenes]))
        c.lay(join(cut((u.abs() * 3.2 - (c.y - base + h)) * 0.30, c.y - 0.8), base - 0.02 - c.y), colour(k), "land")
    paint_ground(c, scenes, wave(c, scenes, 3, 0.73, 0.02, 0.8))


def sea(scenes, c):
    paint_ground(c, scenes, 0.62)
    for i, y in enumerate((0.70, 0.79, 0.88, 0.96)):
        c.lay((c.y - wave(c, scenes, i, y, 0.010, 2.5)).abs() - 0.006, c.per([tinted(s, (0.32, 0.60, 0.78)) for s in scenes]), "light")


def desert(scenes, c):
    for key, base, height, times, k in [(0, 0.63, 0.045, 0.7, 0.84), (1, 0.71, 0.04, 1.0, 0.93), (2, 0.80, 0.025, 0.6, 1.02)]:
        paint_ground(c, scenes, wave(c, scenes, key, base, height, times), k)


def city(scenes, c):
    for layer, (k, base, n) in enumerate([(1.18, 0.36, 6.0), (0.86, 0.47, 4.5)]):
        g = c.x * n + c.per([s["seed"][layer] * n for s in scenes])
        i = g.floor()
        top = base + 0.08 * torch.sin(i * 2.2 + c.per([s["seed"][layer + 2] * 6.283 for s in scenes]))
        u = g - i - 0.5
        d = cut((u.abs() - 0.43) / n, top - c.y)
        c.lay(d, c.per([tinted(s, (0.50 * k, 0.53 * k, 0.62 * k), 0.8) for s in scenes]), "land")
        if layer == 1:  # every window of the near row is lit: a regular grid stays crisp where random lights turn to confetti
            v = (c.y - top - 0.035) * 13
            win = cut((u.abs() - 0.20).abs() - 0.10, ((v - v.floor() - 0.5).abs() - 0.24) * n / 13) / n
            lit = c.per([(1.0, 0.86, 0.48) if s["time"] in ("night", "sunset") else (0.76, 0.87, 0.95) for s in scenes])
            c.lay(cut(win, -v / 13, d), lit, "light")
    paint_ground(c, scenes, 0.74)


TERRAIN = dict(hills=hills, mountains=mountains, forest=forest, sea=sea, desert=desert, city=city)


def paint_rain(scenes, c):
    x, y, a, b = cells(c, scenes, 6, 2)
    d = line(x - (a - 0.5) * 0.5, y - (b - 0.5) * 0.3, 0.06, -0.22, -0.06, 0.22, 0.036) / 6
    c.blend(c.cover(d) * 0.6 * (((a * 5.1) % 1) < 0.72), c.per([tinted(s, (0.84, 0.90, 0.98), 0.45) for s in scenes]))


def paint_snow(scenes, c):
    x, y, a, b = cells(c, scenes, 6, 4)
    d = circle(x - (a - 0.5) * 0.55, y - (b - 0.5) * 0.55, 0.085 + 0.03 * ((b * 3.7) % 1)) / 6
    c.blend(c.cover(d) * 0.92 * (((a * 5.1) % 1) < 0.7), c.per([tinted(s, (0.99, 0.99, 1.0), 0.35) for s in scenes]))


# ---------------------------------------------------------------------------------------------- things
class Brush:
    """What a thing's painter gets: local coordinates (about -1..1, y down, it stands on y = 1) and paints."""

    def __init__(self, c, scenes, things, r):
        self.c, self.scenes, self.things, self.r = c, scenes, things, r
        if things[0]["colour"] is not None:
            self.colour = c.per([tinted(s, COLOURS[v["colour"]], 0.5) for s, v in zip(scenes, things)])
            self.shade = self.colour * 0.84
            self.shine = self.colour + 0.30 * (self.tint(1.0, 1.0, 1.0) - self.colour)

    def tint(self, *rgb):
        return self.c.per([tinted(s, rgb, 0.5) for s in self.scenes])

    def plain(self, *rgb):
        return self.c.per([rgb] * len(self.scenes))

    def choose(self, yes, no, want):
        return self.c.per([tinted(s, yes if want(s) else no, 0.5) for s in self.scenes])

    def glow(self):
        return self.c.per([(1.0, 0.88, 0.45) if s["time"] in ("night", "sunset") else (0.74, 0.90, 0.98) for s in self.scenes])

    def lay(self, d, colour, part="object"):
        self.c.lay(d * self.r, colour, part)

    def dot(self, x, y, r, *rgb):
        self.lay(circle(x, y, r), self.plain(*rgb), "light")


def paint_things(scenes, c, only=None, but=()):
    """Things of one kind are painted together; the second and third of a kind in a picture come in later rounds."""
    rounds = {}
    for i, s in enumerate(scenes):
        seen = {}
        for o in s["objects"]:
            k = o["kind"]
            if (only is None or k in only) and k not in but:
                n = seen[k] = seen.get(k, -1) + 1
                rounds.setdefault((PAINT_ORDER.index(k), n), []).append((i, o))
    for (order, _), rows in sorted(rounds.items()):
        kind = PAINT_ORDER[order]
        chosen = [o for _, o in rows]
        def one(part, p):
            paint_thing(kind, part, chosen, p)
        c.subset(scenes, [i for i, _ in rows], one)


def paint_thing(kind, scenes, things, c):
    radius, cx, cy = [], [], []
    for s, o in zip(scenes, things):
        if s["kind"] == "bare":
            n = s["groups"][0]["count"]
            radius.append({1: 0.30, 2: 0.20, 3: 0.14}[n] * (0.9 if o["layer"] == "sky" else 1.0))
            cx.append(PLACE_X[o["place"]] + (0.06 if n == 2 else 0) * (1 if o["place"] == "left" else -1) + 0.4 * o["dx"])
            cy.append(0.50 + 0.04 * (o["dy"] - 0.5) + (0.03 if o["layer"] == "ground" else 0))
            continue
        r = SIZE[kind] * (BIG if o["size"] == "big" else 1.0)
        radius.append(r)
        cx.append(PLACE_X[o["place"]] + o["dx"])
        if kind == "sun" and s["time"] in ("dawn", "sunset"):
            cy.append(0.22 + 0.08 * o["dy"])
        elif o["layer"] == "sky":
            cy.append(0.16 + 0.11 * o["dy"])
        else:
            cy.append((0.72 if s["terrain"] == "sea" else 0.83) + 0.06 * o["dy"] - r)
    r = c.per(radius)
    x, y = (c.x - c.per(cx)) / r, (c.y - c.per(cy)) / r
    brush = Brush(c, scenes, things, r)
    if things[0]["layer"] == "ground" and kind not in ("boat", "whale", "duck"):
        shadow = c.per([0.20 if kind != "lighthouse" or s["terrain"] != "sea" else 0.0 for s in scenes])
        c.blend((1 - ellipse(x - 0.08, y - 1.0, 0.85, 0.16) / 0.10).clamp(0, 1) * shadow * (0.5 if c.style == "line" else 1), brush.plain(0.1, 0.1, 0.2))
    PAINTER[kind](x, y, brush)


def sun(x, y, b):
    colour = b.c.per([{"dawn": (1.0, 0.80, 0.50), "day": (1.0, 0.88, 0.22), "sunset": (1.0, 0.50, 0.16)}.get(s["time"], (1.0, 0.9, 0.3)) for s in b.scenes])
    if b.c.style != "line":
        b.c.blend((1.7 - circle(x, y, 0.0)).clamp(0, 1) ** 2 * 0.5, colour)
    else:
        turn = torch.remainder(torch.atan2(x, -y), math.pi / 4) - math.pi / 8
        q = circle(x, y, 0.0)
        b.lay(box(q * torch.sin(turn), q * torch.cos(turn) - 1.25, 0.05, 0.14), colour, "detail")
    b.lay(circle(x, y, 0.95), colour)
    dark = colour * b.plain(0.72, 0.45, 0.30)
    b.lay(join(circle(x - 0.32, y + 0.18, 0.11), circle(x + 0.32, y + 0.18, 0.11)), dark, "light")
    b.lay(cut(circle(x, y - 0.05, 0.45).abs() - 0.07, 0.22 - y), dark, "light")


def moon(x, y, b):
    pale = b.plain(0.98, 0.95, 0.78)
    if b.c.style != "line":
        b.c.blend((1.6 - circle(x, y, 0.0)).clamp(0, 1) ** 2 * 0.22, pale)
    b.lay(cut(circle(x, y, 1.0), -circle(x - 0.48, y + 0.20, 0.82)), pale)


def star(x, y, b):
    b.lay(five_star(x, y, 1.1) - 0.06, b.plain(1.0, 0.86, 0.32))
    b.lay(five_star(x, y + 0.02, 0.55), b.plain(1.0, 0.94, 0.60), "light")


def balloon(x, y, b):
    rope = b.tint(0.42, 0.30, 0.20)
    b.lay(join(line(x, y, -0.42, 0.25, -0.14, 0.80, 0.03), line(x, y, 0.42, 0.25, 0.14, 0.80, 0.03)), rope, "light")
    skin = join(circle(x, y + 0.28, 0.70), convex(x, y, (-0.60, 0.08), (0.60, 0.08), (0.20, 0.58), (-0.20, 0.58)))
    b.lay(skin, b.colour)
    b.lay(cut(skin, ellipse(x, y + 0.10, 0.26, 0.9)), b.shine, "detail")
    b.lay(box(x, y - 0.90, 0.18, 0.14), b.tint(0.58, 0.38, 0.20))


def bird(x, y, b):
    b.lay(convex(x, y, (-1.15, -0.20), (-0.55, -0.08), (-0.50, 0.22), (-1.20, 0.20)), b.shade)
    b.lay(join(ellipse(x + 0.05, y - 0.05, 0.72, 0.40), circle(x - 0.58, y + 0.25, 0.32)), b.colour)
    b.lay(convex(x, y, (-0.70, -0.85), (0.28, 0.02), (-0.30, 0.12)), b.shade)
    b.lay(convex(x, y, (0.86, -0.36), (1.18, -0.20), (0.86, -0.12)), b.tint(0.98, 0.62, 0.12))
    b.dot(x - 0.66, y + 0.32, 0.12, 0.98, 0.98, 0.98)
    b.dot(x - 0.69, y + 0.32, 0.065, 0.05, 0.05, 0.06)


def kite(x, y, b):
    tail = (x - 0.10 * torch.sin(y * 7.0)).abs() - 0.04
    b.lay(cut(tail, 0.35 - y, y - 1.15), b.tint(0.95, 0.93, 0.88), "light")
    for k in (0.68, 1.0):
        b.lay(join(convex(x, y - k, (-0.22, -0.10), (0.0, 0.0), (-0.22, 0.10)), convex(x, y - k, (0.22, 0.10), (0.0, 0.0), (0.22, -0.10))), b.shade, "light")
    b.lay(convex(x, y, (0.0, -1.0), (0.62, -0.35), (0.0, 0.45), (-0.62, -0.35)), b.colour)
    b.lay(convex(x, y, (0.0, -1.0), (0.62, -0.35), (0.0, -0.35)), b.shine, "detail")
    b.lay(convex(x, y, (0.0, -0.35), (0.0, 0.45), (-0.62, -0.35)), b.shade, "detail")


def house(x, y, b):
    b.lay(box(x - 0.42, y + 0.58, 0.11, 0.26), b.tint(0.55, 0.33, 0.28))
    wall = box(x, y - 0.40, 0.74, 0.60)
    b.lay(wall, b.colour)
    b.lay(cut(wall, 0.42 - x), b.shade, "light")
    b.lay(convex(x, y, (0.0, -0.98), (1.0, -0.10), (-1.0, -0.10)), b.choose((0.92, 0.94, 0.99), (0.50, 0.27, 0.20), lambda s: s["season"] == "winter"))
    b.lay(box(x, y - 0.66, 0.17, 0.34), b.tint(0.34, 0.20, 0.14), "detail")
    for k in (-0.45, 0.45):
        b.lay(box(x - k, y - 0.28, 0.19, 0.19), b.tint(0.97, 0.96, 0.92), "light")
        b.lay(box(x - k, y - 0.28, 0.13, 0.13), b.glow(), "light")


def tree(x, y, b):
    b.lay(box(x, y - 0.60, 0.13, 0.40), b.tint(0.44, 0.29, 0.17))
    b.lay(join(circle(x, y + 0.40, 0.52), circle(x - 0.38, y, 0.42), circle(x + 0.38, y, 0.42)), b.colour)
    b.lay(circle(x + 0.18, y + 0.46, 0.24), b.shine, "light")


def pine(x, y, b):
    b.lay(box(x, y - 0.80, 0.12, 0.20), b.tint(0.40, 0.26, 0.16))
    green = b.choose((0.20, 0.46, 0.36), (0.12, 0.42, 0.27), lambda s: s["season"] == "winter")
    for top, base, w in ((-0.10, 0.68, 0.66), (-0.58, 0.20, 0.54), (-1.0, -0.28, 0.40)):
        b.lay(convex(x, y, (0.0, top), (w, base), (-w, base)), green)
        tip = b.choose((0.95, 0.97, 1.0), (0.20, 0.52, 0.34), lambda s: s["season"] == "winter")
        b.lay(convex(x, y, (0.0, top), (0.36 * w, top + 0.36 * (base - top)), (-0.36 * w, top + 0.36 * (base - top))), tip, "light")


def lighthouse(x, y, b):
    for side in (-1, 1):  # the beam, at night
        k = b.c.per([0.30 if s["time"] == "night" else 0.0 for s in b.scenes])
        beam = cut((y + 0.68).abs() - 0.06 - 0.16 * (side * x), 0.1 - side * x)
        b.c.blend(b.c.cover(beam * b.r) * k * (1 - side * x / 4.5).clamp(0, 1), b.plain(1.0, 0.95, 0.65))
    away = b.c.per([0.0 if s["terrain"] == "sea" else 9.0 for s in b.scenes])
    b.lay(cut(circle(x, (y - 1.25) * 1.3, 0.75), y - 1.12) + away, b.tint(0.45, 0.41, 0.38))
    tower = convex(x, y, (-0.25, -0.52), (0.25, -0.52), (0.38, 1.0), (-0.38, 1.0))
    b.lay(tower, b.tint(0.97, 0.97, 0.95))
    for k in (-0.30, 0.24, 0.78):
        b.lay(cut(tower, (y - k).abs() - 0.15), b.colour, "light")
    b.lay(box(x, y + 0.68, 0.18, 0.15), b.plain(1.0, 0.90, 0.42))
    b.lay(box(x, y + 0.52, 0.32, 0.04), b.tint(0.25, 0.25, 0.30), "light")
    b.lay(convex(x, y, (0.0, -1.10), (0.30, -0.80), (-0.30, -0.80)), b.colour)


def snowman(x, y, b):
    white, rim = b.tint(0.98, 0.985, 1.0), b.tint(0.70, 0.77, 0.88)
    for r, k in ((0.50, 0.50), (0.37, -0.14), (0.29, -0.62)):
        b.lay(circle(x, y - k, r), rim)
        b.lay(circle(x + 0.03, y - k + 0.03, r - 0.055), white, "light")
    b.lay(join(box(x, y + 0.37, 0.31, 0.095), box(x - 0.18, y + 0.16, 0.09, 0.22)), b.colour)
    b.dot(x - 0.11, y + 0.70, 0.055, 0.08, 0.08, 0.10)
    b.dot(x + 0.11, y + 0.70, 0.055, 0.08, 0.08, 0.10)
    b.lay(convex(x, y, (0.02, -0.66), (0.30, -0.57), (0.02, -0.52)), b.tint(0.96, 0.52, 0.12), "light")
    b.lay(join(box(x, y + 0.87, 0.34, 0.05), box(x, y + 1.03, 0.21, 0.17)), b.tint(0.15, 0.15, 0.20))


def tent(x, y, b):
    b.lay(convex(x, y, (0.0, -0.80), (1.05, 1.0), (-1.05, 1.0)), b.colour)
    b.lay(convex(x, y, (0.0, -0.80), (1.05, 1.0), (0.42, 1.0)), b.shade, "light")
    b.lay(convex(x, y, (0.0, 0.05), (0.36, 1.0), (-0.36, 1.0)), b.choose((1.0, 0.85, 0.45), (0.25, 0.20, 0.20), lambda s: s["time"] == "night"), "detail")
    b.lay(line(x, y, 0.0, -1.05, 0.0, -0.78, 0.04), b.tint(0.45, 0.32, 0.20), "light")


def windmill(x, y, b):
    b.lay(convex(x, y, (-0.26, -0.30), (0.26, -0.30), (0.44, 1.0), (-0.44, 1.0)), b.colour)
    b.lay(convex(x, y, (0.06, -0.30), (0.26, -0.30), (0.44, 1.0), (0.16, 1.0)), b.shade, "light")
    b.lay(convex(x, y, (0.0, -0.72), (0.34, -0.28), (-0.34, -0.28)), b.tint(0.50, 0.27, 0.20))
    b.lay(box(x, y - 0.80, 0.12, 0.20), b.tint(0.30, 0.20, 0.15), "light")
    for k in range(4):
        t = math.pi / 4 + k * math.pi / 2
        u, v = x * math.cos(t) + (y + 0.38) * math.sin(t), -x * math.sin(t) + (y + 0.38) * math.cos(t)
        b.lay(box(u - 0.46, v - 0.05, 0.36, 0.10), b.tint(0.96, 0.95, 0.92))
    b.lay(circle(x, y + 0.38, 0.10), b.tint(0.30, 0.20, 0.15), "light")


def flower(x, y, b):
    green = b.tint(0.22, 0.55, 0.24)
    b.lay(line(x, y, 0.0, -0.2, 0.0, 1.0, 0.07), green)
    b.lay(join(ellipse(x - 0.30, y - 0.62, 0.30, 0.13), ellipse(x + 0.30, y - 0.74, 0.30, 0.13)), green)
    d = None
    for k in range(6):
        t = k * math.pi / 3
        e = circle(x - 0.42 * math.sin(t), y + 0.36 - 0.42 * math.cos(t), 0.25)
        d = e if d is None else torch.minimum(d, e)
    b.lay(d, b.colour)
    b.lay(circle(x, y + 0.36, 0.28), b.choose((0.55, 0.33, 0.14), (0.98, 0.76, 0.16), lambda s: False))


def mushroom(x, y, b):
    b.lay(join(box(x, y - 0.50, 0.24, 0.42), ellipse(x, y - 0.85, 0.34, 0.16)), b.tint(0.96, 0.91, 0.80))
    b.lay(cut(circle(x, y - 0.10, 0.95), y - 0.16) - 0.04, b.colour)
    spot = b.choose((0.98, 0.97, 0.93), (0.98, 0.97, 0.93), lambda s: True)
    if b.things[0]["colour"] is not None:  # white spots on a white cap would vanish
        pale = b.c.per([1.0 if o["colour"] == "white" else 0.0 for o in b.things]).unsqueeze(1)
        spot = spot + pale * (b.tint(0.86, 0.40, 0.36) - spot)
    for px, py, r in ((0.0, -0.50, 0.18), (-0.50, -0.15, 0.15), (0.50, -0.15, 0.15)):
        b.lay(circle(x - px, y - py, r), spot, "light")


def cat(x, y, b):
    b.lay(cut(circle(x - 0.52, y - 0.50, 0.36).abs() - 0.09, -0.15 - (x - 0.52) * 0.7), b.shade)
    b.lay(ellipse(x, y - 0.48, 0.46, 0.54), b.colour)
    b.lay(join(convex(x, y, (-0.40, -0.98), (-0.02, -0.62), (-0.42, -0.40)), convex(x, y, (0.40, -0.98), (0.42, -0.40), (0.02, -0.62))), b.colour)
    b.lay(ellipse(x, y + 0.32, 0.46, 0.40), b.colour)
    for k in (-0.19, 0.19):
        b.dot(x - k, y + 0.36, 0.115, 0.97, 0.97, 0.80)
        b.dot(x - k, y + 0.36, 0.06, 0.05, 0.08, 0.06)
    b.lay(convex(x, y, (-0.08, -0.22), (0.08, -0.22), (0.0, -0.12)), b.plain(0.95, 0.55, 0.60), "light")
    b.lay(ellipse(x, y - 0.62, 0.22, 0.30), b.shine, "light")


def castle(x, y, b):
    wall = join(box(x, y - 0.48, 0.62, 0.52), box(x + 0.70, y - 0.26, 0.24, 0.74), box(x - 0.70, y - 0.26, 0.24, 0.74))
    b.lay(wall, b.colour)
    b.lay(cut(box(x, y + 0.08, 0.46, 0.10), -(torch.remainder(x + 0.08, 0.32) - 0.16).abs() + 0.06), b.colour, "light")
    roof = b.tint(0.30, 0.34, 0.52)
    for k in (-0.70, 0.70):
        b.lay(convex(x - k, y, (0.0, -1.05), (0.33, -0.44), (-0.33, -0.44)), roof)
        b.lay(box(x - k, y + 0.10, 0.07, 0.13), b.glow(), "light")
    b.lay(join(box(x, y - 0.76, 0.19, 0.24), circle(x, y - 0.54, 0.19)), b.tint(0.32, 0.20, 0.14), "detail")


def car(x, y, b):
    b.lay(convex(x, y, (-0.42, -0.20), (0.36, -0.20), (0.66, 0.30), (-0.70, 0.30)), b.shade)
    b.lay(convex(x, y, (-0.34, -0.09), (-0.04, -0.09), (-0.04, 0.26), (-0.52, 0.26)), b.glow(), "light")
    b.lay(convex(x, y, (0.06, -0.09), (0.30, -0.09), (0.50, 0.26), (0.06, 0.26)), b.glow(), "light")
    b.lay(box(x, y - 0.50, 0.98, 0.20) - 0.06, b.colour)
    b.dot(x - 0.96, y - 0.45, 0.09, 1.0, 0.92, 0.55)
    for k in (-0.55, 0.55):
        b.lay(circle(x - k, y - 0.76, 0.25), b.tint(0.13, 0.13, 0.16))
        b.lay(circle(x - k, y - 0.76, 0.11), b.tint(0.78, 0.80, 0.84), "light")


def cactus(x, y, b):
    green = b.tint(0.24, 0.56, 0.30)
    b.lay(join(line(x, y, 0.0, -0.72, 0.0, 1.0, 0.22), line(x, y, -0.58, 0.25, 0.0, 0.38, 0.14), line(x, y, -0.58, -0.25, -0.58, 0.25, 0.14),
               line(x, y, 0.58, 0.02, 0.0, 0.14, 0.14), line(x, y, 0.58, -0.50, 0.58, 0.02, 0.14)), green)
    b.lay(circle(x, y + 0.95, 0.15), b.tint(0.97, 0.50, 0.62), "light")


def boat(x, y, b):
    b.lay(convex(x, y, (-0.98, 0.28), (0.98, 0.28), (0.62, 0.82), (-0.62, 0.82)), b.colour)
    b.lay(convex(x, y, (-0.80, 0.58), (0.80, 0.58), (0.62, 0.82), (-0.62, 0.82)), b.shade, "light")
    b.lay(box(x, y + 0.32, 0.05, 0.64), b.tint(0.40, 0.27, 0.18), "light")
    b.lay(convex(x, y, (0.11, -0.92), (0.78, 0.14), (0.11, 0.14)), b.tint(0.98, 0.96, 0.91))
    b.lay(convex(x, y, (-0.11, -0.72), (-0.11, 0.14), (-0.60, 0.14)), b.tint(0.90, 0.88, 0.84))


def whale(x, y, b):
    b.lay(join(convex(x, y, (-0.85, 0.30), (-1.20, -0.42), (-0.80, -0.20)), convex(x, y, (-0.90, 0.30), (-0.80, -0.20), (-0.45, -0.38))), b.shade)
    body = cut(ellipse(x - 0.08, y - 0.34, 0.98, 0.62), y - 0.80)
    b.lay(body, b.colour)
    b.lay(cut(body, 0.52 - y), b.tint(0.92, 0.94, 0.97), "light")
    spout = b.tint(0.82, 0.93, 1.0)
    b.lay(join(line(x, y, 0.30, -0.30, 0.30, -0.75, 0.06), line(x, y, 0.30, -0.75, 0.08, -0.92, 0.07), line(x, y, 0.30, -0.75, 0.52, -0.92, 0.07)), spout, "light")
    b.dot(x - 0.66, y - 0.28, 0.10, 0.98, 0.98, 0.98)
    b.dot(x - 0.68, y - 0.28, 0.06, 0.05, 0.05, 0.08)


def duck(x, y, b):
    b.lay(join(cut(ellipse(x + 0.12, y - 0.42, 0.86, 0.56), y - 0.82), convex(x, y, (-1.10, -0.12), (-0.55, 0.20), (-0.80, 0.55))), b.colour)
    b.lay(circle(x - 0.38, y + 0.32, 0.46), b.colour)
    b.lay(ellipse(x + 0.24, y - 0.36, 0.42, 0.24), b.shade, "detail")
    b.lay(convex(x, y, (0.78, -0.42), (1.18, -0.22), (0.78, -0.08)), b.tint(0.98, 0.56, 0.10))
    b.dot(x - 0.50, y + 0.42, 0.10, 0.06, 0.06, 0.08)


# Far things first: what stands later in the list is painted over what stands earlier.
PAINT_ORDER = ["sun", "moon", "star", "lighthouse", "castle", "windmill", "pine", "tree", "house", "cactus", "tent", "boat", "whale",
               "snowman", "car", "mushroom", "flower", "duck", "cat", "kite", "balloon", "bird"]
PAINTER = dict(sun=sun, moon=moon, star=star, lighthouse=lighthouse, castle=castle, windmill=windmill, pine=pine, tree=tree,
               house=house, cactus=cactus, tent=tent, boat=boat, whale=whale, snowman=snowman, car=car, mushroom=mushroom,
               flower=flower, duck=duck, cat=cat, kite=kite, balloon=balloon, bird=bird)
