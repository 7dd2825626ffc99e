"""words.py - says a scene in English, in many ways, and keeps note of what it said.

`caption` returns the text and the facts the text states; whatever it leaves out is left to chance in the
picture, so nothing wrong is ever said and nothing unsaid is ever judged.
"""

SIZE_WORDS = {"small": ["small", "small", "little", "tiny"], "big": ["big", "big", "large", "huge"]}
PLACE_WORDS = {
    "left": ["on the left", "on the left", "at the left", "on the left side", "to the left"],
    "middle": ["in the middle", "in the middle", "in the centre", "in the center"],
    "right": ["on the right", "on the right", "at the right", "on the right side", "to the right"],
}
TIME_WORDS = {
    "dawn": ["at dawn", "at dawn", "at sunrise", "early in the morning"],
    "day": ["by day", "during the day", "at noon", "in daylight", "in the daytime"],
    "sunset": ["at sunset", "at sunset", "at dusk", "in the evening"],
    "night": ["at night", "at night", "in the dark", "at midnight", "under a night sky"],
}
WEATHER_WORDS = {
    "clear": ["under a clear sky", "in clear weather", "on a clear day"],
    "cloudy": ["under a cloudy sky", "with clouds in the sky", "in cloudy weather"],
    "rain": ["in the rain", "in rainy weather", "while rain falls", "rain falling"],
    "snow": ["in the snow", "in snowy weather", "while snow falls", "snow falling"],
    "rainbow": ["under a rainbow", "with a rainbow", "with a rainbow in the sky"],
}
SEASON_WORDS = {
    "spring": ["in spring", "in spring", "in the spring", "in springtime"],
    "summer": ["in summer", "in summer", "in the summer", "in summertime"],
    "autumn": ["in autumn", "in autumn", "in the autumn", "in the fall"],
    "winter": ["in winter", "in winter", "in the winter", "in wintertime"],
}
TERRAIN_WORDS = {  # (alone, after a preposition of standing)
    "hills": [("rolling hills", "on a hill"), ("the hills", "in the hills"), ("hills", "on the hills")],
    "mountains": [("mountains", "in the mountains"), ("the mountains", "by the mountains"),
                  ("mountain peaks", "near the mountains")],
    "forest": [("a forest", "in a forest"), ("the forest", "in the forest"), ("the woods", "in the woods")],
    "sea": [("the sea", "at sea"), ("the ocean", "by the ocean"), ("the sea", "by the sea"), ("the water", "on the water")],
    "desert": [("the desert", "in the desert"), ("sand dunes", "among sand dunes"), ("a sandy desert", "in a desert")],
    "city": [("the city", "in the city"), ("a city skyline", "in a city"), ("tall buildings", "in the city")],
}
STYLE_WORDS = {
    "flat": [""], "paper": ["as a paper cut-out", "as a paper cut-out", "as paper art"],
    "pastel": ["in pastel", "in pastel", "in pastel colours"],
    "line": ["as a line drawing", "as a line drawing", "as an ink drawing"],
}
KIND_WORDS = {"balloon": ["balloon", "hot air balloon"], "tree": ["tree"], "pine": ["pine tree", "pine", "fir tree"],
              "boat": ["boat", "sailing boat", "sailboat"], "duck": ["duck", "rubber duck"], "star": ["star"],
              "cat": ["cat", "cat", "kitten"], "house": ["house", "house", "cottage"]}
SHAPE_WORDS = {"ring": ["ring", "ring", "donut"], "circle": ["circle", "circle", "disc"]}
OPENINGS = ["", "", "", "", "", "a picture of ", "an illustration of ", "a drawing of ", "a painting of "]
NUMBERS = {1: "one", 2: "two", 3: "three"}


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def plural(name):
    return {"mushroom": "mushrooms", "cactus": "cacti", "snowman": "snowmen"}.get(name, name + "s")


def listing(parts):
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def group_words(group, rng, with_place, bare=False):
    """A phrase for a group of like things, and the facts in it."""
    kind, n = group["kind"], group["count"]
    fact = dict(kind=kind, count=n)
    name = rng.choice(KIND_WORDS.get(kind, [kind]))
    size = ""
    if not bare and rng.random() < 0.5:
        size, fact["size"] = rng.choice(SIZE_WORDS[group["size"]]) + " ", group["size"]
    colour = ""
    if group["colour"] and rng.random() < (0.6 if bare else 0.88):
        colour, fact["colour"] = group["colour"] + " ", group["colour"]
    tail = ""
    if colour and kind == "snowman":
        tail = " with %s scarf" % article(group["colour"]) if n == 1 else " with %s scarves" % group["colour"]
        colour = ""
    if colour and kind == "lighthouse":
        colour = rng.choice([colour, colour, colour[:-1] + " and white ", colour[:-1] + " striped "])
    if n == 1:
        sole = kind in ("sun", "moon") and not size and rng.random() < 0.6
        text = ("the " if sole else "") + size + colour + name
        text = text if sole else article(text)
        if with_place:
            text += tail + " " + rng.choice(PLACE_WORDS[group["places"][0]])
            fact["place"] = group["places"][0]
            return text, fact
        return text + tail, fact
    return NUMBERS[n] + " " + size + colour + plural(name) + tail, fact


def shape_caption(s, rng):
    parts, tags, facts = [], [], []
    for o in s["shapes"]:
        fact = dict(shape=o["shape"], colour=o["colour"])
        name = rng.choice(SHAPE_WORDS.get(o["shape"], [o["shape"]]))
        size = ""
        if rng.random() < 0.6:
            size, fact["size"] = rng.choice(SIZE_WORDS[o["size"]]) + " ", o["size"]
        body = size + o["colour"] + " " + name
        placed = rng.random() < 0.85
        if placed:
            fact["place"] = o["place"]
        parts.append(article(body) + (" " + rng.choice(PLACE_WORDS[o["place"]]) if placed else ""))
        tags.append(body + (", " + o["place"] if placed else ""))
        facts.append(fact)
    background = s["background"]
    truth = dict(kind="shape", background=background, shapes=facts)
    r = rng.random()
    if r < 0.62:
        wide = rng.choice([" on " + background, " on %s background" % article(background),
                           " on %s background" % article(background), " against %s background" % article(background)])
        return rng.choice(OPENINGS) + listing(parts) + wide, truth
    if r < 0.82:
        return article(background) + " background with " + listing(parts), truth
    return ", ".join(tags) + ", " + background + " background", truth


def styled(text, s, rng):
    """Only the plain style may go unsaid now and then: the others would surprise."""
    words = rng.choice(STYLE_WORDS[s["style"]])
    return text if not words else text + rng.choice([" ", ", "]) + words


def bare_caption(s, rng):
    text, fact = group_words(s["groups"][0], rng, False, bare=True)
    if rng.random() < 0.12 and fact["count"] == 1:
        text = text.split(" ", 1)[1] if text.startswith(("a ", "an ", "the ")) else text
        opening = ""
    else:
        opening = rng.choice(OPENINGS)
    return styled(opening + text, s, rng), dict(kind="bare", objects=[fact])


def scene_caption(s, rng):
    truth = dict(kind="scene", terrain=s["terrain"], objects=[])
    phrases = []
    for g in rng.sample(s["groups"], len(s["groups"])):
        text, fact = group_words(g, rng, g["count"] == 1 and rng.random() < 0.7)
        phrases.append(text)
        truth["objects"].append(fact)
    time = rng.choice(TIME_WORDS[s["time"]]) if s["time"] != "day" or rng.random() < 0.75 else ""
    if time:
        truth["time"] = s["time"]
    weather = ""
    if s["weather"] != "clear" or rng.random() < 0.25:
        weather, truth["weather"] = rng.choice(WEATHER_WORDS[s["weather"]]), s["weather"]
    season = ""
    if s["terrain"] in ("hills", "mountains", "forest", "city") and rng.random() < 0.55:
        season, truth["season"] = rng.choice(SEASON_WORDS[s["season"]]), s["season"]
    alone, standing = rng.choice(TERRAIN_WORDS[s["terrain"]])
    r = rng.random()
    if r < 0.09 and phrases:  # a bag of tags, as people write them
        if time:
            time = s["time"]
        tags = [listing(phrases), s["terrain"], time, s["weather"] if weather else "", s["season"] if season else ""]
        return styled(", ".join(t for t in tags if t), s, rng), truth
    moods = [m for m in (season, time) if m]
    if rng.random() < 0.3:
        moods.reverse()
    mood = " ".join(moods)
    if not phrases:
        text = rng.choice(OPENINGS) + " ".join(p for p in (alone, mood, weather) if p)
    elif r < 0.58:
        text = rng.choice(OPENINGS) + listing(phrases) + " " + standing + (" " + mood if mood else "")
        text += rng.choice([" ", ", "]) + weather if weather else ""
    elif r < 0.82:
        text = rng.choice(OPENINGS) + " ".join(p for p in (alone, mood, weather) if p)
        text += rng.choice([" with ", ", ", ", with "]) + listing(phrases)
    else:
        lead = ", ".join(p for p in (mood, alone) if p)
        text = lead + rng.choice([" and ", ", "]) + listing(phrases) + (", " + weather if weather else "")
    return styled(text, s, rng), truth


def caption(s, rng):
    """-> (text, truth): one of many wordings of the scene, and the facts that the wording states."""
    return {"shape": shape_caption, "bare": bare_caption, "scene": scene_caption}[s["kind"]](s, rng)
