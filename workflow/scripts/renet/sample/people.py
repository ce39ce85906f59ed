"""Invented people and photos of them: what is drawn at random before anything is painted.

A `Person` is what stays the same from photo to photo, a `Shot` is one photo of somebody. Gender
sets a person's look, somewhere between masculine and feminine, and the look sets the odds of hair,
features, clothes and make-up. About one person in twenty looks more like the other gender.
"""

import dataclasses

import numpy as np

FEMALE, MALE = 0, 1
LOOK_SHIFT, LOOK_SPREAD = 0.3, 0.16  # of the look around a half, for women upwards, men downwards


@dataclasses.dataclass(frozen=True)
class Person:
    """What a person keeps from photo to photo; lengths are in head units, shares in 0..1."""

    gender: int
    look: float  # from masculine (0) to feminine (1): all the rest is drawn by it
    tone: float  # along SKIN_TONES
    warmth: float  # skin: cool (-1) to warm (1)
    hair_colour: str
    hair_style: str
    hairline: str
    hair_volume: float
    curl: float
    parting: float
    balding: float
    greying: float  # how much earlier than others
    face_width: float
    jaw: float
    chin: float
    brow: float
    brow_arch: float
    eye_size: float
    eye_colour: int
    nose: float
    lips: float
    ears: float
    beard: str
    neck: float
    shoulders: float
    freckles: bool


@dataclasses.dataclass(frozen=True)
class Shot:
    """One photo: how somebody looked that day, the pose, the light, the place, the camera."""

    size: tuple[int, int]  # height, width in pixels
    age: float
    texture: int  # seeds hair strands, noise, spots of the background
    shift: tuple[float, float]  # head units
    zoom: float
    tilt: float  # radians
    yaw: float  # radians
    pitch: float
    smile: float
    mouth_open: float
    gaze: float
    lipstick: int | None
    lashes: float
    blush: float
    earrings: str | None
    glasses: str | None
    hat: str | None
    clothes: str
    cloth_hue: float
    cloth_saturation: float
    cloth_value: float
    pattern: str
    light: tuple[float, float]  # from the left (-1) to the right (1), from below to above
    light_strength: float
    cast: tuple[float, float, float]
    exposure: float
    contrast: float
    background: str
    backdrop: tuple[float, float, float]  # hue in 0..1, saturation, value
    border: tuple[int, int, int, int]  # pixels at the top, bottom, left, right that repeat an edge
    blur: float  # pixels
    noise: float  # grey levels
    grey: bool


# Odds of what people are like and wear, for a feminine and for a masculine look.
HAIR_STYLES = {
    FEMALE: {"buzz": 1, "short": 5, "curls": 5, "bob": 27, "long": 46, "bun": 9, "ponytail": 7},
    MALE: {"bald": 11, "buzz": 21, "short": 56, "curls": 7, "bob": 2, "long": 2, "bun": 1},
}
HAIRLINES = {
    FEMALE: {"side": 36, "centre": 26, "fringe": 24, "back": 14},
    MALE: {"side": 46, "centre": 6, "fringe": 16, "back": 32},
}
BEARDS = {"none": 42, "stubble": 17, "moustache": 9, "goatee": 9, "full": 23}
CLOTHES = {
    FEMALE: {
        "scoop": 32, "v-neck": 18, "straps": 18, "crew": 12, "shirt": 8, "suit": 4,
        "turtleneck": 8,
    },
    MALE: {
        "suit": 32, "shirt": 23, "crew": 27, "v-neck": 7, "turtleneck": 6, "hoodie": 7, "scoop": 1,
    },
}  # fmt: skip
PATTERNS = {
    FEMALE: {"plain": 60, "dots": 14, "stripes": 12, "flowers": 14},
    MALE: {"plain": 72, "stripes": 13, "plaid": 15},
}
HATS = {
    FEMALE: {"beanie": 3, "cap": 1, "brim": 4, "scarf": 3},
    MALE: {"beanie": 3, "cap": 4, "brim": 3},
}
EARRINGS = {"hoop": 1, "drop": 1, "stud": 1}
GLASSES = {"round": 4, "square": 5, "half": 2, "sun": 1}
BACKGROUNDS = {
    "flat": 20, "gradient": 30, "texture": 18, "blobs": 8, "curtain": 6, "foliage": 6, "sky": 6,
    "shelves": 6,
}  # fmt: skip
EYE_COLOURS, DARK_EYES, LIPSTICKS = 6, 2, 6  # how many there are to choose from

# Given names of women, of men, and surnames, of one language each; the combinations are invented.
NAMES = [
    ("Abigail Harriet Imogen Maud Tess Winifred", "Alden Barnaby Clement Edgar Jasper Rufus",
     "Ashgrove Barrowmere Coldstream Dunmarsh Fairholt Larkmoor Thistlewick Wexcombe"),
    ("Amélie Bérénice Clémence Éloïse Maëlle Solène", "Aurélien Benoît Cédric Gaël Rémi Théo",
     "Beaurivière Chênevert Delorange Fontmarais Larôche Montclairval Prévallon Vauxétang"),
    ("Anneliese Bärbel Dörte Frauke Käthe Liesel", "Eckhart Götz Jürgen Lüder Sönke Wendelin",
     "Birkenstätt Dünnwald Eschenbrück Grünhöfer Lößnitz Möwenthal Rübenkamp Sandkühler"),
    ("Begoña Inés Lucía Maricruz Noelia Rocío", "Álvaro Andrés Fermín Íñigo Joaquín Rubén",
     "Albariño Camposeco Espínola Fuenclara Monteáguila Peñalosa Riofrío Valdeolmos"),
    ("Åse Freya Ingrid Maj Ragnhild Sølvi", "Bjørn Eirik Håkon Leif Sverre Torbjørn",
     "Bjerkevåg Fjellhøy Grønnlund Havnestrøm Lyngås Nordskår Sjøvik Tindedal"),
    ("Aino Helmi Kyllikki Päivi Säde Tyyne", "Eero Jyrki Kalevi Mäkki Tapio Väinö",
     "Hämeenkorpi Järvensivu Koivumäki Lehtisuo Metsäpirtti Pöyhölä Saarikivi Ylitörmä"),
    ("Agnieszka Bożena Grażyna Jadwiga Małgosia Żaneta", "Bogusław Kazimierz Łukasz Mirosław "
     "Stanisław Zbyszek",
     "Bielańska Dąbrówko Gołębin Jesionka Modrzewicz Olchowik Świerkosz Żurawin"),
    ("Božena Jiřina Květa Ludmila Růžena Zdeňka", "Bořivoj Jiří Matěj Oldřich Řehoř Vojtěch",
     "Blažejka Doubravín Havranů Jeřábek Kosařík Podlesný Říčanka Větrník"),
    ("Ayşegül Çiğdem Gülşen İpek Şebnem Yıldız", "Barış Çağatay Göktürk Oğuz Şükrü Ümit",
     "Akçadağlı Bozkırlı Çınaroğul Dağdelen Gümüşlü Karağaç Sarıkaya Yeşilpınar"),
    ("Catarina Conceição Graça Inês Luísa Natércia", "António Estêvão Gonçalo João Simão Tomé",
     "Alçada Brandalém Carvalhão Fontaínha Lagoeiro Montalvão Pedroçal Valverdinho"),
    ("Alkmini Despina Eleni Filio Kalliopi Myrsini", "Anestis Fotis Kleon Leandros Pavlos Stelios",
     "Achladis Daphnoulis Elaiakos Karydas Lemonis Pefkos Selinas Thymarakis"),
    ("Aiko Chiyo Emi Haruka Mitsuko Sayuri", "Daichi Hajime Kenjirō Ryūta Shōhei Tarō",
     "Asahino Fukamori Hoshitani Kazehara Minamise Shirokawa Tsukihara Yukishima"),
    ("Adaeze Chidera Ifeoma Nkiru Olúfúnké Yétúndé", "Adébáyọ̀ Chukwudi Emeka Kwabena Olúfẹ́mi Tùndé",
     "Abàrimọ Adétòkun Eziokwu Ìlésanmí Nwankoro Obiakara Ọláyemí Uzochika"),
    ("Alia Hanan Layla Maryam Nūr Salmā", "Bashīr Fāris Hārūn Idrīs Jamāl Tāriq",
     "al-Bahrāni ad-Dīmashi al-Fajrī Ḥaddādān an-Nakhlī al-Qamarī Sahrāwān az-Zaytūnī"),
    ("Василина Дарина Злата Мирослава Ольга Ярина", "Богдан Всеволод Лукьян Мирон Остап Святослав",
     "Березань Дубовик Журавель Калинич Лозовик Оріховець Полинь Чебрець"),
    ("Anjali Devika Ishani Kamalini Meera Śaraṇyā", "Arjun Dhruv Girish Keshav Mohan Rāghav",
     "Bakulpuri Chandrakar Devagiri Jalatarang Kadambari Nīlakānt Sūryavan Tamrakund"),
]  # fmt: skip


def _choose(rng: np.random.Generator, odds: dict[str, float]) -> str:
    """One of the keys, as often as its odds say."""
    shares = np.array([*odds.values()], float)
    return [*odds][rng.choice(len(odds), p=shares / shares.sum())]


def _styled(rng: np.random.Generator, look: float, odds: dict[int, dict[str, float]]) -> str:
    """One of the keys for a feminine or a masculine look, mixed where the look is in between."""
    feminine = look**2 * (3 - 2 * look)  # steeper: a slight lean hardly mixes
    return _choose(rng, odds[FEMALE if rng.random() < feminine else MALE])


def _normal(
    rng: np.random.Generator, mean: float, deviation: float, low: float, high: float
) -> float:
    return float(np.clip(rng.normal(mean, deviation), low, high))


def names(rng: np.random.Generator, gender: int, number: int) -> list[str]:
    """Names that differ, and differ in more than a middle initial as long as they last."""
    given_and_surnames = [
        (given, surname)
        for women, men, surnames in NAMES
        for given in (men if gender == MALE else women).split()
        for surname in surnames.split()
    ]
    order = rng.permutation(len(given_and_surnames))
    names = []
    for k in range(number):
        lap, place = divmod(k, len(order))
        given, surname = given_and_surnames[order[place]]
        initial = f"{'ABCDEFGHIJ'[lap - 1]}. " if lap else ""
        names.append(f"{given} {initial}{surname}")
    return names


def _hair_colour(rng: np.random.Generator, tone: float, look: float) -> str:
    """A natural colour, as likely as the skin has it, or now and then a dyed one."""
    if rng.random() < 0.01 + 0.02 * look:
        return _choose(rng, {"pink": 1, "blue": 1})
    fair = max(0.0, 0.6 - tone)
    return _choose(
        rng,
        {
            "black": 0.12 + tone,
            "dark brown": 0.3 + 0.3 * tone,
            "brown": 0.25 * (1 - tone),
            "light brown": 0.4 * fair,
            "dark blond": 0.35 * fair,
            "blond": (0.35 + 0.25 * look) * fair,
            "red": 0.22 * fair,
            "auburn": 0.2 * fair,
        },
    )


def _greying(rng: np.random.Generator, look: float) -> float:
    """Earlier or later than others; never, for the third of the women and the few men who dye."""
    return -2.0 if rng.random() < 0.35 * look else float(rng.uniform(-0.25, 0.25))


def random_person(rng: np.random.Generator, gender: int) -> Person:
    """Invent a person of a gender (0 female, 1 male)."""
    towards = LOOK_SHIFT if gender == FEMALE else -LOOK_SHIFT
    leaning = rng.normal(towards, LOOK_SPREAD)
    look = float(np.clip(0.5 + 2 * leaning, 0, 1))
    tone = float(rng.beta(1.1, 1.7))
    style = _styled(rng, look, HAIR_STYLES)
    bearded = gender == MALE and look < 0.3
    return Person(
        gender=gender,
        look=look,
        tone=tone,
        warmth=float(rng.uniform(-1, 1)),
        hair_colour=_hair_colour(rng, tone, look),
        hair_style=style,
        hairline=_styled(rng, look, HAIRLINES),
        hair_volume=_normal(rng, 0.12 + 0.05 * look, 0.05, 0.05, 0.32),
        curl=1.0 if style == "curls" else float(rng.beta(0.8, 1.6)),
        parting=float(rng.choice([-1, 1]) * rng.uniform(0.15, 0.5)),
        balding=float(rng.random() ** 2) * (1 - 0.75 * look),
        greying=_greying(rng, look),
        face_width=_normal(rng, 0.745 - 0.025 * look, 0.03, 0.64, 0.84),
        jaw=_normal(rng, 0.63 - 0.11 * look, 0.035, 0.44, 0.72),
        chin=_normal(rng, 0.34 - 0.11 * look, 0.04, 0.16, 0.46),
        brow=_normal(rng, 0.098 - 0.05 * look, 0.017, 0.026, 0.14),
        brow_arch=_normal(rng, 0.035 + 0.03 * look, 0.025, 0.0, 0.13),
        eye_size=_normal(rng, 0.94 + 0.2 * look, 0.08, 0.78, 1.35),
        eye_colour=int(rng.integers(DARK_EYES if tone > 0.55 else EYE_COLOURS)),
        nose=_normal(rng, 1.1 - 0.15 * look, 0.13, 0.7, 1.45),
        lips=_normal(rng, 0.82 + 0.36 * look, 0.15, 0.5, 1.6),
        ears=float(rng.uniform(0.85, 1.25)),
        beard=_choose(rng, BEARDS) if bearded else "none",
        neck=_normal(rng, 0.47 - 0.12 * look, 0.035, 0.28, 0.56),
        shoulders=_normal(rng, 1.62 - 0.4 * look, 0.11, 1.0, 1.85),
        freckles=bool(rng.random() < 0.12 and tone < 0.4),
    )


def _random_size(rng: np.random.Generator) -> tuple[int, int]:
    """Height and width: 60 to 350 pixels, half of them below 200, one in eight not square."""
    side = int(np.clip(np.exp(rng.normal(np.log(200), 0.38)), 60, 350))
    if rng.random() > 0.125:
        return side, side
    return side, int(np.clip(side * rng.uniform(0.78, 1.28), 60, 350))


def _random_border(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """One photo in ten was cut at the edge of a larger one: there the border pixel repeats."""
    border = [0, 0, 0, 0]
    if rng.random() < 0.1:
        side = int(rng.choice(4, p=[0.5, 0.1, 0.2, 0.2]))
        border[side] = int(size[side // 2] * rng.uniform(0.03, 0.13))
    return tuple(border)


def _random_style(rng: np.random.Generator, person: Person, age: float) -> dict:
    """Make-up, ornaments and clothes, as keyword arguments of `Shot`."""
    look = person.look
    made_up = age > 15 and rng.random() < 0.75 * look
    hue = rng.random()
    if rng.random() < 0.75:  # favourites: reds and pinks, or blues
        hue = rng.normal(0.95, 0.12) if rng.random() < look else rng.normal(0.6, 0.1)
    return {
        "lipstick": int(rng.integers(LIPSTICKS)) if made_up else None,
        "lashes": _normal(rng, 0.12 + 0.53 * look, 0.22, 0, 1),
        "blush": _normal(rng, 0.2 + 0.25 * look, 0.2, 0, 1),
        "earrings": _choose(rng, EARRINGS) if rng.random() < 0.03 + 0.4 * look else None,
        "glasses": _choose(rng, GLASSES) if rng.random() < 0.1 + 0.002 * age else None,
        "hat": _styled(rng, look, HATS) if rng.random() < 0.1 else None,
        "clothes": _styled(rng, look, CLOTHES),
        "cloth_hue": float(hue % 1),
        "cloth_saturation": float(rng.beta(1.6 + 0.8 * look, 3.0 - look)),
        "cloth_value": _normal(rng, 0.36 + 0.36 * look, 0.17, 0.1, 0.95),
        "pattern": _styled(rng, look, PATTERNS),
    }


def _random_pose(rng: np.random.Generator, person: Person) -> dict:
    """Pose and expression, as keyword arguments of `Shot`."""
    return {
        "shift": (float(rng.normal(0, 0.04)), float(rng.normal(0.02, 0.035))),
        "zoom": _normal(rng, 1.0, 0.045, 0.87, 1.14),
        "tilt": _normal(rng, 0, 0.075, -0.22, 0.22),
        "yaw": _normal(rng, 0, 0.12, -0.27, 0.27),
        "pitch": _normal(rng, 0, 0.03, -0.07, 0.07),
        "smile": _normal(rng, 0.35 + 0.15 * person.look, 0.35, -0.35, 1.0),
        "mouth_open": float(rng.uniform(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "gaze": _normal(rng, 0, 0.25, -0.6, 0.6),
    }


def random_shot(rng: np.random.Generator, person: Person, age: float, old_photo: bool) -> Shot:
    """Invent a photo of a person at an age in years; an old photo is more often grey."""
    size = _random_size(rng)
    warm = rng.normal(0, 0.045)
    return Shot(
        size=size,
        age=float(np.clip(age, 4, 95)),
        texture=int(rng.integers(2**31)),
        **_random_pose(rng, person),
        **_random_style(rng, person, age),
        light=(float(rng.uniform(-1, 1)), float(rng.uniform(-0.1, 1))),
        light_strength=float(rng.uniform(0.25, 0.95)),
        cast=(1 + warm, 1 + float(rng.normal(0, 0.015)), 1 - warm),
        exposure=_normal(rng, 0.98, 0.09, 0.68, 1.16),
        contrast=_normal(rng, 1.0, 0.09, 0.75, 1.18),
        background=_choose(rng, BACKGROUNDS),
        backdrop=(float(rng.random()), float(rng.beta(1.3, 3.0)), float(rng.uniform(0.3, 0.95))),
        border=_random_border(rng, size),
        blur=float(rng.gamma(1.2, 0.35)),
        noise=float(rng.gamma(1.5, 1.5)),
        grey=bool(rng.random() < (0.35 if old_photo else 0.02)),
    )
