"""scenes.py - what a picture shows, before anyone draws or words it.

A scene is a small dict of plain Python values. draw.py paints it, words.py says it, heldout.py keeps some of
them back for judging. Kept apart from both so that a picture and its caption can never disagree: they
read the same dict.

Three kinds of scene:
  shape   one or two plain shapes on a plain background: every fact of it can be read off the pixels
  bare    one to three things of one kind on an empty backdrop, so that "a house" gives a house
  scene   a landscape with weather, season, time of day and things standing in six slots:
          {sky, ground} x {left, middle, right}, at most one thing a slot
"""

import random

COLOURS = {
    "red": (0.86, 0.13, 0.14), "orange": (0.97, 0.53, 0.10), "yellow": (0.98, 0.87, 0.16),
    "green": (0.16, 0.64, 0.26), "blue": (0.13, 0.34, 0.86), "purple": (0.50, 0.18, 0.70),
    "pink": (0.99, 0.60, 0.76), "white": (0.96, 0.96, 0.96), "black": (0.08, 0.08, 0.10),
}
COLOUR_NAMES = list(COLOURS)
SHAPES = ["circle", "square", "triangle", "star", "heart", "ring"]
PLACES = ["left", "middle", "right"]
SIZES = ["small", "big"]
TIMES = ["dawn", "day", "sunset", "night"]
WEATHERS = ["clear", "cloudy", "rain", "snow", "rainbow"]
SEASONS = ["spring", "summer", "autumn", "winter"]
TERRAINS = ["hills", "mountains", "forest", "sea", "desert", "city"]
STYLES = ["flat", "paper", "pastel", "line"]

SKY_KINDS = ["sun", "moon", "star", "balloon", "bird", "kite"]
GROUND_KINDS = ["house", "tree", "pine", "lighthouse", "snowman", "tent", "windmill", "flower",
                "mushroom", "cat", "castle", "car", "cactus", "boat", "whale", "duck"]
KINDS = SKY_KINDS + GROUND_KINDS
UNCOLOURED = {"sun", "moon", "star", "pine", "cactus"}

# What may stand where: a boat belongs on the sea, a cactus in the desert.
HABITAT = {
    "hills": ["house", "house", "tree", "tree", "pine", "windmill", "flower", "mushroom", "cat", "castle",
              "tent", "car", "snowman", "lighthouse"],
    "mountains": ["house", "tree", "pine", "pine", "tent", "castle", "cat", "windmill", "snowman", "flower"],
    "forest": ["house", "tent", "mushroom", "mushroom", "cat", "flower", "car", "castle", "snowman"],
    "sea": ["boat", "boat", "boat", "lighthouse", "lighthouse", "whale", "duck"],
    "desert": ["cactus", "cactus", "tent", "house", "castle", "car", "cat", "tree", "flower"],
    "city": ["house", "tree", "car", "car", "cat", "snowman", "flower"],
}
# Seasons show on plants and on the ground; sea and desert have neither.
SEASONAL = {"hills", "mountains", "forest", "city"}


def scene_colour(kind, time, rng):
    """A colour that a thing of this kind may have, or None where the kind decides it."""
    if kind in UNCOLOURED:
        return None
    names = COLOUR_NAMES
    if time == "night":  # black on a night sky cannot be seen, so it is never asked for
        names = [c for c in names if c != "black"]
    usual = {"tree": "green", "whale": "blue", "duck": "yellow"}.get(kind)
    if usual and rng.random() < 0.35:
        return usual
    return rng.choice(names)


def thing(kind, place, size, colour, rng):
    return dict(kind=kind, layer="sky" if kind in SKY_KINDS else "ground", place=place, size=size,
                colour=colour, dx=rng.uniform(-0.03, 0.03), dy=rng.random())


def sample_shape(rng):
    background = rng.choice(COLOUR_NAMES)
    n = 2 if rng.random() < 0.25 else 1
    colours = rng.sample([c for c in COLOUR_NAMES if c != background], n)
    shapes = [dict(shape=rng.choice(SHAPES), colour=c, place=p, size=rng.choice(SIZES) if n == 1 else "small",
                   x=rng.uniform(-0.02, 0.02), y=0.5 + rng.uniform(-0.05, 0.05))
              for c, p in zip(colours, rng.sample(PLACES, n))]
    return dict(kind="shape", background=background, shapes=shapes, shade=rng.uniform(-0.03, 0.03))


def sample_bare(rng):
    kind = rng.choice(KINDS)
    count = 1 if kind in ("sun", "moon") else rng.choice([1, 1, 1, 1, 2, 3])
    places = {1: ["middle"], 2: ["left", "right"], 3: PLACES}[count]
    colour = scene_colour(kind, "day", rng)
    return dict(kind="bare", time="day", weather="clear", season="summer", terrain=None, style=sample_style(rng),
                backdrop=rng.randrange(5), objects=[thing(kind, p, "big", colour, rng) for p in places],
                groups=[dict(kind=kind, count=count, colour=colour, size="big", places=places)],
                seed=[rng.random() for _ in range(8)])


def sample_style(rng):
    r = rng.random()
    return "flat" if r < 0.76 else STYLES[1 + int((r - 0.76) / 0.08001)]


def sample_weather(time, rng):
    w = rng.choices(WEATHERS, [50, 16, 12, 13, 9])[0]
    return "clear" if w == "rainbow" and time == "night" else w


def sample_landscape(rng):
    time, terrain = rng.choice(TIMES), rng.choice(TERRAINS)
    weather = sample_weather(time, rng)
    season = rng.choice(SEASONS) if terrain in SEASONAL else "summer"
    if weather == "snow" and terrain in SEASONAL:
        season = "winter"
    s = dict(kind="scene", time=time, weather=weather, season=season, terrain=terrain, style=sample_style(rng),
             objects=[], groups=[], seed=[rng.random() for _ in range(8)])
    free = dict(sky=list(PLACES), ground=list(PLACES))
    for _ in range(rng.choices([0, 1, 2, 3], [9, 40, 33, 18])[0]):
        kind = sample_kind(s, rng)
        layer = "sky" if kind in SKY_KINDS else "ground"
        single = kind in ("sun", "moon")
        count = 1 if single else rng.choice([1, 1, 1, 1, 2, 3])
        if any(g["kind"] == kind for g in s["groups"]) and (single or count > 1):
            continue
        if any(g["kind"] == kind and g["count"] > 1 for g in s["groups"]) or count > len(free[layer]):
            continue
        places = sorted(rng.sample(free[layer], count), key=PLACES.index)
        for p in places:
            free[layer].remove(p)
        crowded = len(free[layer]) < 2
        size = "small" if crowded and layer == "ground" else rng.choice(SIZES)
        colour = scene_colour(kind, time, rng)
        s["groups"].append(dict(kind=kind, count=count, colour=colour, size=size, places=places))
        s["objects"] += [thing(kind, p, size, colour, rng) for p in places]
    return s


def sample_kind(s, rng):
    if rng.random() < 0.66:
        return rng.choice(HABITAT[s["terrain"]])
    if s["time"] == "night":
        return rng.choice(["moon", "moon", "star", "star", "balloon", "bird", "kite"])
    return rng.choice(["sun", "sun", "balloon", "balloon", "bird", "bird", "kite"])


def sample(rng):
    """One random scene of the mixture that training sees."""
    r = rng.random()
    if r < 0.28:
        return sample_shape(rng)
    if r < 0.40:
        return sample_bare(rng)
    return sample_landscape(rng)


def stream(name, seed, index):
    """The random stream `index` of a named purpose; training and held-out streams differ in name."""
    return random.Random("%s/%d/%d" % (name, seed, index))
