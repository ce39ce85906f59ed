"""Random people and random photos of them: what is chosen at random before anything is painted.

The gender sets a person's `look`, from masculine to feminine, and the look sets the odds of hair,
features, clothes and make-up. About one person in thirty looks more like the other gender.
"""

import string
from collections.abc import Mapping

import numpy as np
from numpy.random import Generator

FEMALE, MALE = 0, 1
LOOK_SHIFT, LOOK_SPREAD = 0.6, 0.32  # mean distance of the look from 0.5, and its deviation


# Odds for a feminine and for a masculine look.
HAIR_STYLES = {
    FEMALE: {"buzz": 1, "short": 5, "curls": 5, "bob": 27, "long": 46, "bun": 9, "ponytail": 7},
    MALE: {"bald": 11, "buzz": 21, "short": 56, "curls": 7, "bob": 2, "long": 2, "bun": 1},
}
HAIRLINES = {
    FEMALE: {"side": 36, "centre": 26, "fringe": 24, "back": 14},
    MALE: {"side": 46, "centre": 6, "fringe": 16, "back": 32},
}
CLOTHES = {
    FEMALE: {"scoop": 48, "v-neck": 18, "crew": 14, "shirt": 8, "turtleneck": 12},
    MALE: {"suit": 32, "shirt": 24, "crew": 30, "v-neck": 7, "turtleneck": 6, "scoop": 1},
}
BEARDS = {"none": 42, "stubble": 17, "moustache": 9, "goatee": 9, "full": 23}
GLASSES = {"round": 4, "square": 6, "sun": 1}
EYE_COLOURS = [(74, 48, 32), (52, 34, 26), (84, 112, 70), (84, 124, 158)]
DARK_EYES = 2  # the first ones
LIPSTICKS = [(186, 36, 52), (160, 30, 62), (208, 72, 92), (222, 98, 90)]

# Given names of women, of men, and surnames, one language each; the combinations are invented.
NAMES = [
    ("Abigail Harriet Imogen Maud Tess Winifred", "Alden Barnaby Clement Edgar Jasper Rufus",
     "Ashgrove Barrowmere Coldstream Dunmarsh Fairholt Larkmoor Thistlewick Wexcombe"),
    ("Amélie Bérénice Clémence Éloïse Maëlle Solène", "Aurélien Benoît Cédric Gaël Rémi Théo",
     "Beaurivière Chênevert Delorange Fontmarais Larôche Montclairval Prévallon Vauxétang"),
    ("Ayşegül Çiğdem Gülşen İpek Şebnem Yıldız", "Barış Çağatay Göktürk Oğuz Şükrü Ümit",
     "Akçadağlı Bozkırlı Çınaroğul Dağdelen Gümüşlü Karağaç Sarıkaya Yeşilpınar"),
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


def _choose(rng: Generator, odds: Mapping[str, float]) -> str:
    """One of the keys, as often as its odds say."""
    weights = np.array([*odds.values()], float)
    return [*odds][rng.choice(len(odds), p=weights / weights.sum())]


def _choose_by_look(rng: Generator, look: float, odds: Mapping[int, Mapping[str, float]]) -> str:
    """One of the keys, by the feminine or the masculine odds; between looks, by either."""
    feminine = look**2 * (3 - 2 * look)  # steeper than the look itself, so that few are mixed
    return _choose(rng, odds[FEMALE if rng.random() < feminine else MALE])


def _normal(rng: Generator, mean: float, deviation: float, low: float, high: float) -> float:
    return float(np.clip(rng.normal(mean, deviation), low, high))


def random_names(rng: Generator, gender: int, number: int) -> list[str]:
    """Distinct names. Only when all combinations are used up do names get a middle initial."""
    combinations = [
        f"{given} {{}}{surname}"
        for women, men, surnames in NAMES
        for given in (men if gender == MALE else women).split()
        for surname in surnames.split()
    ]
    combinations = rng.permutation(combinations).tolist()
    initials = ["", *(f"{letter}. " for letter in string.ascii_uppercase)]
    return [name.format(initial) for initial in initials for name in combinations][:number]


def _hair_colour(rng: Generator, tone: float, look: float) -> str:
    """A natural colour, rarely a light one with dark skin, or very rarely pink."""
    fair = max(0.0, 0.6 - tone)
    odds = {"black": 0.12 + tone, "dark brown": 0.3 + 0.3 * tone, "brown": 0.25 + 0.15 * fair}
    odds |= {"dark blond": 0.6 * fair, "blond": (0.35 + 0.25 * look) * fair, "red": 0.35 * fair}
    return _choose(rng, odds | {"pink": 0.02 * look})


class Person:
    """The looks of an invented person, the same on each photo. Lengths are in head units."""

    def __init__(self, rng: Generator, gender: int):
        """Invent a person of a gender (0 female, 1 male)."""
        self.gender = gender
        shift = LOOK_SHIFT if gender == FEMALE else -LOOK_SHIFT
        # From masculine (0) to feminine (1).
        self.look = look = _normal(rng, 0.5 + shift, LOOK_SPREAD, 0, 1)
        # The skin, from the lightest (0) to the darkest (1).
        self.tone = tone = float(rng.beta(1.1, 1.7))
        self.hair_style = _choose_by_look(rng, look, HAIR_STYLES)
        is_dyed = rng.random() < 0.35 * look  # then it never turns grey
        self.hair_colour = _hair_colour(rng, tone, look)
        self.hairline = _choose_by_look(rng, look, HAIRLINES)
        self.hair_volume = _normal(rng, 0.12 + 0.05 * look, 0.05, 0.05, 0.32)
        self.curl = 1.0 if self.hair_style == "curls" else float(rng.beta(0.8, 1.6))  # 0..1
        # Left (-) or right (+) of the middle.
        self.parting = float(rng.choice([-1, 1]) * rng.uniform(0.15, 0.5))
        self.balding = float(rng.random() ** 2) * (1 - 0.75 * look)  # 0..1
        # How much earlier than others.
        self.greying = -2.0 if is_dyed else float(rng.uniform(-0.25, 0.25))
        self.face_width = _normal(rng, 0.745 - 0.025 * look, 0.03, 0.64, 0.84)
        self.jaw = _normal(rng, 0.63 - 0.11 * look, 0.035, 0.44, 0.72)
        self.brow = _normal(rng, 0.098 - 0.05 * look, 0.017, 0.026, 0.14)
        self.eye_size = _normal(rng, 0.94 + 0.2 * look, 0.08, 0.78, 1.35)
        self.eye_colour = int(rng.integers(DARK_EYES if tone > 0.55 else len(EYE_COLOURS)))
        self.nose = _normal(rng, 1.1 - 0.15 * look, 0.13, 0.7, 1.45)
        self.lips = _normal(rng, 0.82 + 0.36 * look, 0.15, 0.5, 1.6)
        self.beard = _choose(rng, BEARDS) if gender == MALE and look < 0.3 else "none"
        self.shoulders = _normal(rng, 1.62 - 0.4 * look, 0.11, 1.0, 1.85)


def _random_size(rng: Generator) -> tuple[int, int]:
    """Height and width: 60 to 350 pixels, half of them below 200, one in eight not square."""
    side = int(np.clip(np.exp(rng.normal(np.log(200), 0.38)), 60, 350))
    if rng.random() > 0.125:
        return side, side
    return side, int(np.clip(side * rng.uniform(0.78, 1.28), 60, 350))


def _random_border(rng: Generator, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """One crop in ten reaches outside the whole photo; there the border pixel repeats."""
    side = int(rng.choice(4, p=[0.5, 0.1, 0.2, 0.2]))
    outside = int(size[side // 2] * rng.uniform(0.03, 0.13)) if rng.random() < 0.1 else 0
    left, top, right, bottom = (outside * (k == side) for k in range(4))
    return left, top, right, bottom


def _random_cloth(rng: Generator, look: float) -> tuple[float, float, float]:
    """Hue, saturation and value of clothes, of any hue or rather red and pink, or blue."""
    hue = rng.random()
    if rng.random() < 0.75:
        hue = rng.normal(0.95, 0.12) if rng.random() < look else rng.normal(0.6, 0.1)
    saturation = rng.beta(1.6 + 0.8 * look, 3.0 - look)
    return float(hue % 1), float(saturation), _normal(rng, 0.36 + 0.36 * look, 0.17, 0.1, 0.95)


class Shot:
    """One photo: the person's age, pose and clothes, the light, the background, the camera."""

    def __init__(self, rng: Generator, person: Person, age: float):
        """Invent a photo of a person at an age in years."""
        look = person.look
        self.size = _random_size(rng)  # height, width in pixels
        is_made_up = age > 15 and rng.random() < 0.75 * look
        self.age = float(np.clip(age, 4, 95))
        self.texture = int(rng.integers(2**31))  # seed of hair strands, background and noise
        # Measures of the head, in head units.
        self.shift = (float(rng.normal(0, 0.04)), float(rng.normal(0.02, 0.035)))
        self.zoom = _normal(rng, 1.0, 0.045, 0.87, 1.14)
        self.tilt = _normal(rng, 0, 0.075, -0.22, 0.22)  # radians
        self.yaw = _normal(rng, 0, 0.12, -0.25, 0.25)  # radians
        self.smile = _normal(rng, 0.35 + 0.15 * look, 0.35, -0.35, 1.0)  # from -1 to 1
        self.mouth_open = float(rng.uniform(0.4, 1)) if rng.random() < 0.3 else 0.0  # 0..1
        self.gaze = _normal(rng, 0, 0.25, -0.6, 0.6)  # from -1 (left) to 1 (right)
        self.lipstick = int(rng.integers(len(LIPSTICKS))) if is_made_up else None
        self.earrings = bool(rng.random() < 0.03 + 0.4 * look)
        self.glasses = _choose(rng, GLASSES) if rng.random() < 0.1 + 0.002 * age else None
        self.clothes = _choose_by_look(rng, look, CLOTHES)
        self.cloth = _random_cloth(rng, look)
        # From the left (-1) to the right (1), from below to above.
        self.light = (float(rng.uniform(-1, 1)), float(rng.uniform(-0.1, 1)))
        self.light_strength = float(rng.uniform(0.25, 0.95))
        self.exposure = _normal(rng, 0.98, 0.09, 0.68, 1.16)
        self.cast = float(rng.normal(0, 0.045))  # cold (-) or warm (+)
        # Hue, saturation, value in 0..1.
        self.backdrop = (
            float(rng.random()),
            float(rng.beta(1.3, 3)),
            float(rng.uniform(0.3, 0.95)),
        )
        # Pixels at the top, bottom, left and right that repeat an edge.
        self.border = _random_border(rng, self.size)
        self.blur = float(rng.gamma(1.2, 0.35))  # pixels
        self.noise = float(rng.gamma(1.5, 1.5))  # grey levels
        self.grey = bool(rng.random() < 0.04)
