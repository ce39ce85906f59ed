"""Recompute the numbers on the pages of a results folder from its CSV tables, and compare them.

    python benchmarks/recompute.py results
    python benchmarks/recompute.py results --table photos=photos.csv:glasses

It imports nothing of the project: the methods are written anew, from docs/statistics.md. The pages
are index.html and the report.html of each run. A number has to agree to its last printed digit.
--table names a table of photos and its columns that are slices. The reference of the comparison,
the metrics that compare and choose, and the groups of seeds are taken from the pages, since no
table has them. Not recomputed: funnel, galleries, threshold of unsure predictions, settings,
layers, grids, and the number of faces of a learning curve. Exits with 1 if a number differs.
"""

import argparse
import html
import itertools
import math
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

TAIL = 0.025
GENDERS = ("female", "male")
EDGES = {  # of the bands of slices
    "age": ((0, 10, 20, 30, 40, 50, 60, 70), " years"), "face score": ((1, 2, 3, 4, 5, 6), ""),
    "crop size": ((0, 64, 96, 128, 192, 256), " px"),
}  # fmt: skip
UNTESTED = ("decade", "face score", "crop size")
WITHOUT_GAP = (*UNTESTED, "recorded gender", "person in the training set")
NUMBER = r"[+−-]?\d[\d,]*(?:\.\d+)?"


def kish(person):
    """Kish's effective number of people."""
    photos = pd.Series(np.asarray(person)).value_counts()
    return photos.sum() ** 2 / (photos**2).sum()


def by_person(values, person):
    return pd.Series(np.asarray(values, float)).groupby(np.asarray(person)).sum().to_numpy()


class Part:
    """A fraction of faces that is right."""

    def __init__(self, right, person):
        self.n, self.value, self.people = len(right), np.mean(right), kish(person)
        self.effect, self.small = self.n / self.people, self.n < 30 or self.people < 10
        if 0 < self.value < 1 and self.people > 1:
            squares = (by_person(right - self.value, person) ** 2).sum()
            over_people = self.people / (self.people - 1) * squares / self.n**2
            over_faces = self.value * (1 - self.value) / (self.n - 1)
            self.effect = max(over_people / over_faces, 1 + 0.1 * (self.n / self.people - 1))

    def size(self, tail=TAIL):
        """Effective number of faces."""
        if self.people < 1.5:
            return 0.0
        of_faces, of_people = stats.t.isf(tail, [self.n - 1, self.people - 1])
        return self.n / self.effect * (of_faces / of_people) ** 2

    def bounds(self, tail=TAIL):
        """Clopper and Pearson's interval; a beta distribution without successes has no quantile."""
        size = self.size(tail)
        right, wrong = size * self.value, size * (1 - self.value)
        ends = stats.beta.ppf([tail, 1 - tail], [right, right + 1], [wrong + 1, wrong])
        return np.where(np.isnan(ends), [0, 1], ends)


def parts_of(table, column):
    return {key: Part(rows.right, rows.subject) for key, rows in table.groupby(column)}


def mover(weights, parts, tail=TAIL, correlation=0.0):
    """Interval of a weighted sum of fractions."""
    value = sum(w * one.value for w, one in zip(weights, parts, strict=True))
    bounds = np.array([sorted(w * one.bounds(tail)) for w, one in zip(weights, parts, strict=True)])
    reach = abs(bounds - [[w * one.value] for w, one in zip(weights, parts, strict=True)])
    both = 2 * correlation * np.sign(math.prod(weights)) * reach.prod(axis=0)
    return value + np.array([-1, 1]) * np.sqrt((reach**2).sum(axis=0) + both)


def p_of_difference(one, other):
    low, high = sorted((one, other), key=lambda part: part.value)
    return p_of(lambda tail: mover((1, -1), (high, low), tail)[0])


def p_of(end):
    """P-value of a value above zero, from the lower end of its interval by the tail."""
    if end(0.49) <= 0:
        return 1.0
    return 2 * optimize.brentq(end, 1e-12, 0.49) if end(1e-12) < 0 else 0.0


def holm(p_values):
    steps = p_values.sort_values(kind="stable") * np.arange(len(p_values), 0, -1)
    return steps.cummax().clip(upper=1)


def auc_and_bounds(target, score, person):
    """ROC AUC with the interval by DeLong and Obuchowski on the logit scale."""
    male, female = score[target == 1][:, None], score[target == 0][None]
    above, people = (male > female) + 0.5 * (male == female), kish(person)
    auc, added = above.mean(), np.empty(len(target))
    added[target == 1] = (above.mean(axis=1) - auc) / male.size
    added[target == 0] = (above.mean(axis=0) - auc) / female.size
    least = (added**2).sum() * (1 + 0.1 * (len(target) / people - 1))
    if people < 1.5 or auc in (0, 1) or not least:
        return auc, None
    over_people = people / (people - 1) * (by_person(added, person) ** 2).sum()
    error = math.sqrt(max(over_people, least)) / (auc * (1 - auc))
    reach = stats.t.isf(TAIL, people - 1) * error * np.array([-1, 1])
    return auc, special.expit(special.logit(auc) + reach)


def mean(values):
    return np.mean(values) if len(values) else math.nan


def estimates(target, predicted, p_male):
    """The values of all metrics in the order of the pages; NaN where not defined."""
    right = target == predicted
    recalls = [mean(right[target == label]) for label in (0, 1)]
    precisions = [mean(right[predicted == label]) for label in (0, 1)]
    both = len(set(target)) == 2
    likelihood = np.maximum(np.where(target == 1, p_male, 1 - p_male), np.finfo(float).eps)
    return {
        "accuracy": right.mean(), "balanced accuracy": np.nanmean(recalls),
        **{f"recall of {name}": one for name, one in zip(GENDERS, recalls, strict=True)},
        **{f"precision of {name}": one for name, one in zip(GENDERS, precisions, strict=True)},
        "ROC AUC": auc_and_bounds(target, p_male, target)[0] if both else math.nan,
        "log loss": -np.log(likelihood).mean(),
    }  # fmt: skip


def temperature(faces):
    """The temperature with its interval; None where it is at a limit of the search."""
    log_odds, sign = np.log(faces.p_male) - np.log(faces.p_female), faces.target * 2 - 1
    odds = (log_odds.clip(-700, 700) * sign).to_numpy()
    limits = 0.05, 20.0  # also of the factor 1 / temperature

    def slope(factor):
        return -(odds * special.expit(-factor * odds)).mean()

    if slope(limits[0] * math.exp(0.01)) >= 0 or slope(limits[1] * math.exp(-0.01)) <= 0:
        return None
    best = optimize.brentq(slope, *limits, xtol=1e-12)
    scores = odds * special.expit(-best * odds)
    effect = max(1, (by_person(scores, faces.subject) ** 2).sum() / (scores**2).sum())
    square = effect * stats.t.isf(TAIL, kish(faces.subject) - 1) ** 2

    def excess(factor):
        losses = np.logaddexp(0, -factor * odds) - np.logaddexp(0, -best * odds)
        return 2 * losses.sum() - square

    bounds = [optimize.brentq(excess, best, end) if excess(end) > 0 else end for end in limits]
    return 1 / best, 1 / bounds[1], 1 / bounds[0]


def contributions(faces, metric):
    """What each person adds to a metric."""
    weight = 1 / faces.target.map(faces.target.value_counts()) / faces.target.nunique()
    if metric == "accuracy":
        weight = 1 / len(faces)
    return by_person(faces.right * weight, faces.subject)


def compare(run, other):
    """Difference of two recipes, each (people, seeds), with its interval and p."""
    sides, gaps = [one for one in (run, other) if one.shape[1] > 1], run.mean(1) - other.mean(1)
    noise = sum(one.var(axis=1, ddof=1).sum() / one.shape[1] for one in sides)
    parts = [(max((gaps**2).sum() - noise, 0), len(gaps) - 1)]
    parts += [(one.sum(0).var(ddof=1) / one.shape[1], one.shape[1] - 1) for one in sides]
    variance, gap = sum(one for one, _ in parts), gaps.sum()
    if variance < 1e-18 or len(gaps) == 1:
        return gap, None, 1.0
    freedom = variance**2 / sum(one**2 / count for one, count in parts)
    reach = math.sqrt(variance) * stats.t.isf(TAIL, freedom)
    p = 2 * stats.t.sf(abs(gap) / math.sqrt(variance), freedom)
    return gap, (max(-1, gap - reach), min(1, gap + reach)), p


def percent(value):
    return "–" if pd.isna(value) else f"{100 * value:.1f} %"


def decimal(value):
    return "–" if pd.isna(value) else f"{value:z.3f}".replace("-", "−")


def points(value):
    return "–" if pd.isna(value) else f"{100 * value:z.1f}".replace("-", "−")


def gain(value):
    return f"{'+' if value > 0 else ''}{points(value)}"


def style(label):
    is_fraction = label.startswith(("accuracy", "balanced", "recall", "precision"))
    return percent if is_fraction else decimal


def interval(bounds, form=percent):
    return "–" if bounds is None else f"{form(bounds[0]).removesuffix(' %')} to {form(bounds[1])}"


def p_text(p):
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def listed(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def bands(numbers, edges, unit):
    """The band of each number, and all bands in their order."""
    step = bool(unit)  # numbers with a unit are whole
    inner = [f"{low}–{high - step}{unit}" for low, high in itertools.pairwise(edges)]
    names = [f"below {edges[0]}{unit}", *inner, f"{edges[-1]}{unit} and more", "unknown"]
    place = np.where(numbers.isna(), len(names) - 1, np.digitize(numbers.astype(float), edges))
    return pd.Series([names[one] for one in place], numbers.index), names


class Set:
    """The predictions of a run for a set: its metrics, and what the pages say of it."""

    def __init__(self, path, training, own):
        """`training` are the faces that it is trained on, `own` the own columns by id."""
        self.faces = faces = pd.read_csv(path)
        faces["predicted"] = (faces.p_male > faces.p_female).astype(int)
        faces["right"] = (faces.target == faces.predicted).astype(int)
        self.training, self.own, share = training, own.reindex(faces.id), training.target.mean()
        self.majority, target = int(share >= 0.5), faces.target.to_numpy()
        self.values = estimates(target, faces.predicted.to_numpy(), faces.p_male.to_numpy())
        always = estimates(target, np.full(len(faces), self.majority), np.full(len(faces), share))
        self.baseline = always | {"log loss": math.nan}
        self.part = Part(faces.right, faces.subject)
        self.recalls, precisions = parts_of(faces, "target"), parts_of(faces, "predicted")
        known = list(self.recalls.values())
        self.bounds = {"accuracy": self.part.bounds()} | {
            f"{kind} of {GENDERS[label]}": one.bounds()
            for kind, parts in (("recall", self.recalls), ("precision", precisions))
            for label, one in parts.items()
        }
        self.bounds["balanced accuracy"] = mover([1 / len(known)] * len(known), known)
        if len(known) == 2:
            score = faces.p_male.to_numpy()
            self.bounds["ROC AUC"] = auc_and_bounds(target, score, faces.subject)[1]
        common, right = faces.target == self.majority, faces.right == 1
        gained, lost = (Part(one, faces.subject) for one in (right & ~common, ~right & common))
        odds = [one.value / (1 - one.value) if one.value < 1 else 0 for one in (gained, lost)]
        self.above = gained.value - lost.value
        both, halves = ((1, -1), (gained, lost)), [1 / len(known)] * len(known)
        correlation = -math.sqrt(math.prod(odds))
        self.above_bounds = mover(*both, TAIL, correlation)
        self.p_above = {
            "accuracy": p_of(lambda tail: mover(*both, tail, correlation)[0]),
            "balanced accuracy":
                p_of(lambda tail: mover(halves, known, tail)[0] - 0.5) if len(known) == 2 else 1,
        }  # fmt: skip
        self.slices = self.find_slices()

    def find_slices(self):
        faces, columns = self.faces, {}
        columns["recorded gender"] = faces.target.map(dict(enumerate(GENDERS))), GENDERS
        sides = {"age": faces.age, "decade": faces.year, "face score": faces.face_score,
                 "crop size": faces[["crop_height", "crop_width"]].min(axis=1)}  # fmt: skip
        for name, numbers in sides.items():
            decades = numbers // 10 * 10
            decades = decades.map(lambda year: "unknown" if pd.isna(year) else f"{year:.0f}s")
            columns[name] = bands(numbers, *EDGES[name]) if name in EDGES else (decades, ())
        columns["photo"] = faces.grey.map({1: "in grey", 0: "in colour"}), ()
        columns["source"] = faces.source, ()
        for name in self.own:
            columns[f"column {name}"] = self.own[name].fillna("unknown").set_axis(faces.index), ()
        known = faces.subject.isin(self.training.subject)
        if known.any() and faces.subset[0] != "out_of_fold":
            known = known.map({True: "yes", False: "no"})
            unnamed = faces.subject.str.match(r"[\w.:-]+:/")
            columns["person in the training set"] = known.mask(unnamed, "unknown"), ()
        rows = []
        for name, (values, order) in columns.items():
            present = [one for one in order or sorted(set(values)) if one in set(values)]
            if present != ["unknown"]:
                rows += [self.slice(name, one, (values == one).to_numpy()) for one in present]
        table = pd.DataFrame(rows)
        tests = table.dropna(subset="p").sort_values("accuracy", kind="stable")
        is_gender = tests.slice == "recorded gender"  # a family of its own
        corrected = holm(tests[~is_gender].drop_duplicates("either").p)  # of two halves the weaker
        table["holm"] = pd.concat([tests[is_gender].head(1).p, corrected])
        table["gap_holm"] = holm(table.dropna(subset="gap_p").drop_duplicates("inside").gap_p)
        return table

    def slice(self, name, value, inside):
        faces, others = self.faces[inside], self.faces[~inside]
        part, recalls = Part(faces.right, faces.subject), parts_of(faces, "target")
        rest = Part(others.right, others.subject) if len(others) else None
        tested = rest and not part.small and not rest.small and name not in UNTESTED
        female, male = recalls.get(0), recalls.get(1)
        compared = tested and name not in WITHOUT_GAP and female and male
        compared = compared and min(female.n, male.n) >= 10
        return {
            "slice": name, "value": value, "n": part.n, "people": faces.subject.nunique(),
            "small": part.small, "accuracy": part.value, "bounds": part.bounds(),
            "difference": part.value - rest.value if rest else math.nan,
            "p": p_of_difference(part, rest) if tested else math.nan,
            "female": female.value if female else math.nan,
            "male": male.value if male else math.nan,
            "gap": male.value - female.value if female and male else math.nan,
            "gap_bounds": mover((1, -1), (male, female)) if female and male else None,
            "gap_p": p_of_difference(male, female) if compared else math.nan,
            "inside": inside.tobytes(), "either": min(inside.tobytes(), (~inside).tobytes()),
        }  # fmt: skip

    def groups_table(self):
        rows = []
        is_shown = ~self.slices.small & (self.slices.n <= self.part.n - 30)
        is_shown |= self.slices.slice == "recorded gender"
        for row in self.slices[is_shown].dropna(subset="difference").itertuples():
            name = f"{row.slice} {row.value}"
            name = f"faces labelled {row.value}" if row.slice == "recorded gender" else name
            tested = "significant" if row.holm <= 0.05 else "not significant"
            tested = "not tested" if pd.isna(row.holm) else tested
            if row.slice == "recorded gender" and row.difference < 0:
                low, high = mover((1, -1), (self.recalls[1], self.recalls[0]))
                tested = "significant" if low > 0 or high < 0 else "not significant"
            accuracy = f"{percent(row.accuracy)} {interval(row.bounds)}"
            rows.append((row.difference, name, accuracy, "", f"{points(row.difference)} {tested}"))
        rows = [row[1:] for row in sorted(rows, key=lambda row: row[0])]
        untested = [row for row in rows if row[-1].endswith("not tested")]
        return {"Accuracy by group": [row for row in rows if row not in untested],
                "Groups without a test": untested}  # fmt: skip

    def metrics_table(self, *others):
        return [
            [label, style(label)(value), interval(self.bounds.get(label), style(label)),
             *(style(label)(one[label]) for one in others)]
            for label, value in self.values.items()
        ]  # fmt: skip

    def slices_table(self):
        rows = []
        for row in self.slices[~self.slices.small].itertuples():
            p, gap = "" if pd.isna(row.holm) else f" (p {p_text(row.holm)})", "–"
            if row.slice not in WITHOUT_GAP and row.n < self.part.n and not pd.isna(row.gap):
                gap = "" if pd.isna(row.gap_holm) else f", p {p_text(row.gap_holm)}"
                gap = f"{points(row.gap)} ({interval(row.gap_bounds, points)}{gap})"
            accuracy, *recalls = map(percent, [row.accuracy, row.female, row.male])
            rows.append([f"{row.slice}: {row.value}", f"{row.n:,}", f"{row.people:,}", accuracy,
                         interval(row.bounds), points(row.difference) + p,
                         *recalls, gap])  # fmt: skip
        return rows

    def baseline_text(self):
        return (f"{percent(self.baseline['accuracy'])} is the baseline, the accuracy of always "
                f"predicting {GENDERS[self.majority]}. The model's accuracy minus that is "
                f"{points(self.above)} percentage points (95 % interval "
                f"{interval(self.above_bounds, points)})")  # fmt: skip

    def gap_texts(self):
        if len(self.recalls) < 2:
            return []
        female, male = self.recalls[0], self.recalls[1]
        gap, bounds = male.value - female.value, mover((1, -1), (male, female))
        sign, recalls = -1 if gap < 0 else 1, [percent(female.value), percent(male.value)]
        text = f"No significant difference between female, {recalls[0]}, and male, {recalls[1]}."
        if bounds[0] > 0 or bounds[1] < 0:
            low, high = recalls[::sign]
            who = GENDERS[int(gap < 0)]
            text = f"labelled {who} are recognised less often: {low} against {high}."
        counts = [f"{one.value * one.n:,.0f} of {one.n:,}" for one in (female, male)]
        texts = [text, f"{counts[0]} female and {counts[1]} male faces; male − female: "
                 f"{points(gap)} points ({interval(bounds, points)})"]  # fmt: skip
        tests = self.slices.dropna(subset="gap_holm")
        found = tests[tests.gap_holm <= 0.05]
        if len(tests) and found.empty:
            texts.append(f"({len(tests)} slice… tested)")
        for rows in (found[found.gap > 0], found[found.gap < 0]):
            if len(rows) > 3:
                some = "all" if len(rows) == len(tests) else f"{len(rows)} of"
                least, most = points(rows.gap.abs().min()), points(rows.gap.abs().max())
                texts.append(f"{some} {len(tests)} tested slices, by {least} to {most} points")
                continue
            for row in rows.itertuples():
                low, high = map(percent, sorted((row.female, row.male)))
                recalls = f"({low} against {high}, p {p_text(row.gap_holm)})"
                texts.append(f"{row.slice} {row.value} {recalls}")
        return texts

    def weakest(self):
        """The slice of the largest significant difference below the others, or of the largest."""
        below = self.slices[(self.slices.difference < 0) & self.slices.holm.notna()]
        found = below[below.holm <= 0.05]
        rows = below if found.empty else found
        return rows.sort_values("difference", kind="stable").head(1).itertuples()

    def slice_texts(self):
        family = self.slices[self.slices.slice != "recorded gender"]
        for row in self.weakest():
            count = family.holm.count() if row.slice != "recorded gender" else 1
            many = f", corrected for {count} tests" if count > 1 else ""
            significant = "not significant" if row.holm > 0.05 else "significant"
            p, people = f"{significant} (p {p_text(row.holm)}{many})", f"{row.people:,} …"
            lead = f"{row.value}: {percent(row.accuracy)} ({interval(row.bounds)}), "
            lead += f"{points(abs(row.difference))} points below the others"
            return [f"Least good at …{lead}", f"{row.n:,} face… of {people}; {p}"]
        return [
            "No tested group" if self.slices.holm.count() else "No group was large enough to test"
        ]

    def head_texts(self, metric):
        """The verdict, and the remarks on groups."""
        value, bounds = self.values[metric], interval(self.bounds[metric])
        texts = [f"is right for {100 * value:.0f} % of",
                 f"the baseline gets {100 * self.baseline[metric]:.0f} %",
                 f"{percent(value)} (95 % interval {bounds}) …{self.part.n:,} "]  # fmt: skip
        texts += ["Too few faces"] if self.part.small else self.slice_texts()
        return texts

    def who(self):
        """Its number of faces, and of people and unnamed photos."""
        photos = self.faces.subject.drop_duplicates().str.match(r"[\w.:-]+:/")
        counts = filter(None, ((~photos).sum(), photos.sum()))
        return f"{self.part.n:,} face… of {'… and '.join(f'{one:,} p' for one in counts)}"

    def texts(self):
        if not self.part.small:
            return [self.baseline_text(), *self.gap_texts(), *self.slice_texts()]
        people = f" of an effective number of {self.part.people:.1f}" if self.part.n >= 30 else ""
        return [self.baseline_text(), f"has {self.part.n:,} face…{people}"]

    def calibration_texts(self):
        fitted, size = None if self.part.small else temperature(self.faces), self.part.size()
        few = [f"is worth only {size:,.0f} independent faces"] * (round(size) < 100)
        if not fitted or (fitted[2] > 2 * fitted[1] and fitted[1] <= 1 <= fitted[2]):
            return ["cannot be judged, and no temperature is applied"]
        value, low, high = fitted
        verdict = "No common over- or underconfidence was found"
        if low > 1 or high < 1:
            odds, verdict = 9 ** (1 / value), f"are too {'high' if low > 1 else 'low'}"
            few.append(f"A confidence of 90 % means about {100 * odds / (1 + odds):.0f} %")
        bounds = f"{low:.2f} to {high:.2f}"
        return [f"{verdict}: the temperature fitted…is {value:.2f} (95 % interval {bounds})", *few]


class Page:
    """A page by sections, and what was compared with them."""

    def __init__(self, path):
        self.path, self.compared, self.different = path, 0, []
        source = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", path.read_text(encoding="utf-8"))
        source = re.sub(r" <small>[^<]* of [^<]*</small></th>", "</th>", source)  # of groups
        self.source = source
        head, *rest = re.split(r'<h2(?: id="([\w-]+)")?[^>]*>', source)
        self.sections = {"head": head} | dict(zip(rest[::2], rest[1::2], strict=True))

    def compare(self, name, printed, recomputed):
        self.compared += 1
        if printed != recomputed:
            self.different.append(f"{name} printed {printed!r} recomputed {recomputed!r} DIFFERENT")

    def says(self, section, *fragments):
        """The section has each fragment with these numbers; … stands for other words."""
        for fragment in fragments:
            exact = re.escape(fragment).replace("…", ".{0,200}?")
            loose = re.escape(re.sub(NUMBER, "@", fragment)).replace("…", ".{0,200}?")
            patterns = (exact, loose.replace("@", NUMBER))
            patterns = (rf"(?<![\d.,+−-])(?:{one})(?!\d)" for one in patterns)
            same, other = (re.search(one, self.text(section)) for one in patterns)
            self.compare(section, fragment if same else other and other.group(), fragment)

    def table(self, section, label, rows):
        """The section has this table; further columns are not compared."""
        pattern = r'(?s)aria-label="([^"]*)"><table.*?>(.*?)</table>'
        tables = re.findall(pattern, self.sections.get(section, ""))
        lines = re.findall(r"(?s)<tr.*?>(.*?)</tr>", dict(tables).get(label, ""))
        cells = [list(map(plain, re.findall(r"(?s)<t[dh].*?>(.*?)</t[dh]>", one))) for one in lines]
        self.compare(f"{section}, {label}, rows", len(cells[1:]), len(rows))
        for row, printed in zip(rows, cells[1:], strict=False):
            for heading, cell, value in zip(cells[0], printed, row, strict=False):
                self.compare(f"{section}, {label}, {row[0]}, {heading}", cell, value)

    def metric(self):
        """The metric of the table of runs."""
        return re.search("Run (balanced accuracy|accuracy)", self.text("head"))[1]

    def text(self, section):
        return plain(self.sections.get(section, ""))


def plain(source):
    """HTML as text."""
    source = re.sub("<(?=small|span)", " <", source)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", source)).split())


def read_run(folder, split, own):
    """The sets of a run by name, and its number of folds."""
    folds = len([*folder.glob("folds/*.csv")])
    training = split[split.subset.isin(["train", *["validation"] * (folds > 0)])]
    files = {"test": folder / "inference.csv", "fitted": folder / "inference_validation.csv"}
    external = sorted(folder.glob("external/*/inference.csv"))
    files |= {f"external-{path.parent.name}": path for path in external}
    return {key: Set(path, training, own) for key, path in files.items()}, folds


def check_set(page, section, one, name, *others, is_stated=False):
    """The section of an external set, or of the out-of-fold set, whose groups can stand above."""
    page.says(section, f"{percent(one.part.value)} of {one.who()}… are predicted "
              f"correctly (95 % interval {interval(one.bounds['accuracy'])})",
              *one.texts())  # fmt: skip
    page.table(section, f"Metrics of the {name}", one.metrics_table(*others, one.baseline))
    page.table(section, f"Slices of the {name}", one.slices_table())
    if not one.part.small and not is_stated:
        for label, rows in one.groups_table().items():
            page.table(section, f"{label} of the {name}", rows)


def stated_of(sets, folds):
    """The set that leads: of few test faces the out-of-fold set."""
    test = sets["test"]
    return sets["fitted"] if folds and (test.part.n < 100 or test.part.small) else test


def check_run(page, sets, folds):
    """The page of a run, from its sets by name; the temperature is fitted on `fitted`."""
    test, fitted = sets["test"], sets["fitted"]
    stated = stated_of(sets, folds)
    metric = "balanced accuracy" if "equal weight" in page.text("head") else "accuracy"
    page.says("head", *stated.head_texts(metric))
    check_above(page, sets, stated, folds, metric)
    value, bounds = percent(stated.part.value), interval(stated.bounds["accuracy"])
    page.says("metrics", f"these {test.who()}… are worth {test.part.size():,.0f} independent",
              f"accuracy {value} (95 % interval {bounds}, Clopper and Pearson's…), {stated.who()}",
              test.baseline_text())  # fmt: skip
    page.table("metrics", "Metrics", test.metrics_table(fitted.values, test.baseline))
    page.says("reliability", *fitted.calibration_texts())
    history = pd.read_csv(page.path.with_name("history.csv"))
    if history.validation_loss.isna().all() and "training_curves" in page.sections:
        page.says("training_curves", f"the training loss is {history.loss.iloc[-1]:.3f}")
    formatted = history.map(lambda one: "–" if pd.isna(one) else f"{one:.4g}")
    if "training_curves" in page.sections:
        page.table("training_curves", "Metrics by epoch", formatted.to_numpy().tolist())
    if not stated.part.small:
        title = "out-of-fold set" if stated is fitted else "test set"
        for label, rows in stated.groups_table().items():
            page.table("slices", f"{label} of the {title}", rows)
    if not test.part.small:
        page.says("slices", *test.gap_texts())
        page.table("metrics", "Slices", test.slices_table())
    for name, one in sets.items():
        if name.startswith("external-"):
            check_set(page, name, one, f"set {name.removeprefix('external-')}", fitted.values)
    if folds:
        is_stated = stated is fitted
        check_set(page, "out_of_fold", fitted, "out-of-fold set", is_stated=is_stated)


def check_above(page, sets, stated, folds, metric):
    """On how many sets the run is above the baseline, by Holm over its sets."""
    found = [one for name, one in sets.items() if folds or name != "fitted"]
    found = [one for one in found if one is stated or one.faces.target.nunique() == 2]
    above = holm(pd.Series([one.p_above[metric] for one in found])) <= 0.05
    if len(found) > 1:
        some = "Significantly above" if above.any() else "Not significantly above"
        both = f"Significantly above the baseline on {'both' if len(found) == 2 else 'all'}"
        page.says("head", both if above.all() else f"{some} the baseline on")
        return
    lead, bounds = stated.above, stated.above_bounds
    if metric != "accuracy":
        lead, bounds = stated.values[metric] - 0.5, stated.bounds[metric] - 0.5
    words = "Significantly above the baseline, by"
    words = words if above.all() else "Not significantly above the baseline:"
    words = words if lead > 0 else "Not above the baseline:"
    page.says("head", f"{words} {points(lead)} points ({interval(bounds, points)})")


def seed_groups(page):
    """The runs that differ by their seeds alone, from the table of settings."""
    tables = re.findall(r'(?s)aria-label="Settings that.*?<table>(.*?)</table>', page.source)
    rows = [[plain(cell) for cell in re.findall(r"(?s)<t[dh].*?>(.*?)</t[dh]>", row)]
            for row in re.findall(r"(?s)<tr.*?>(.*?)</tr>", "".join(tables))]  # fmt: skip
    groups = {}
    for name, *values in zip(*(row for row in rows if row[0] != "train.seed"), strict=True):
        groups.setdefault(tuple(values), []).append(name)
    return [group for group in list(groups.values())[2:] if len(group) > 1]


def check_index(page, runs, with_folds):
    """The head of index.html and its tables, from the sets of each run."""
    one, metric = next(iter(runs.values())), page.metric()
    best = next(iter(runs))
    if len(runs) > 1:
        groups = seed_groups(page)
        check_claims(page, runs, with_folds, groups)
        best = check_choice(page, runs, with_folds, groups)
        rows = [[name, *(style(key)(value) for key, value in of["test"].values.items())]
                for name, of in runs.items()]  # fmt: skip
        page.table("comparison", "All test metrics of all runs", rows)
    check_board(page, runs, metric, best, all(name in with_folds for name in runs))
    stated = stated_of(runs[best], best in with_folds)
    tested = [of["test"] for of in runs.values()] if stated is runs[best]["test"] else [stated]
    sizes = sorted(one.part.size() for one in tested)
    worth = " to ".join(dict.fromkeys(f"{size:,.0f}" for size in (sizes[0], sizes[-1])))
    page.says("head", f"are worth {worth} independent", stated.baseline_text(),
              f"{best} is right for", *stated.head_texts(metric))  # fmt: skip
    if not stated.part.small:
        page.says("head", *stated.gap_texts())
    check_above(page, runs[best], stated, best in with_folds, metric)
    for name in one:
        if name.startswith("external-"):
            page.says("external", f"{name.removeprefix('external-')}: {one[name].who()}")


def check_board(page, runs, metric, best, all_folds):
    """The table of the runs: each run, the mean of seeds, the best of a grid, and the baseline."""
    keys = ["fitted", *(key for key in next(iter(runs.values())) if key != "fitted")]
    cells = [(name, key) for name in runs for key in keys]
    of_sets = pd.Series([runs[name][key].p_above[metric] for name, key in cells], cells)
    alone = pd.Series([key == "fitted" and not all_folds for _, key in cells], cells)
    above = (pd.concat([holm(of_sets[alone]), holm(of_sets[~alone])]) <= 0.05).to_dict()
    words = {
        True: "significantly above the baseline",
        False: "not significantly above the baseline",
    }
    board = re.search(r'(?s)class="board.*?</table>', page.sections["head"]).group()
    first = []  # run of each row
    for body in re.findall(r"(?s)<tbody.*?</tbody>", board)[:-1]:
        rows = re.findall(r"(?s)<tr.*?</tr>", body)
        names = re.findall(r'href="runs/([^/"]+)/report.html"', body)
        is_mean = re.search(r"\d+ seeds<", body)
        groups = [names if is_mean else names[:1]] * (len(rows) > 1) + [[name] for name in names]
        for row, of in zip(rows, groups, strict=True):
            for key, cell in zip(keys, re.findall(r"(?s)<td>(.*?)</td>", row), strict=True):
                found = [runs[name][key].values[metric] for name in of]
                text = interval(runs[of[0]][key].bounds[metric])
                if len(of) > 1:
                    text = f"± {100 * np.std(found, ddof=1):.1f} over seeds"
                text += f" {words[all(above[name, key] for name in of)]}"
                page.compare(f"runs, {of}, {key}", plain(cell), f"{percent(np.mean(found))} {text}")
        first += names[:1]
    page.compare("the first row", first[0], best)


def check_claims(page, runs, with_folds, groups):
    """The comparison of the runs on each set."""
    pattern = r"(Accuracy|Balanced accuracy|Recall of \w+) against (?:the recipe of )?([\w.-]+)"
    found = re.search(pattern, page.text("comparison"))
    if not found:  # all runs have one recipe
        return
    metric, reference = found[1][0].lower() + found[1][1:], found[2]
    recipes = {name: tuple(group) for group in groups if len(group) > 2 for name in group}
    names = {name: f"set {name.removeprefix('external-')}" for name in runs[reference]}
    names |= {"test": "test set", "fitted": "out-of-fold set"}
    if len(with_folds) < 2:
        del names["fitted"]
    for key, title in names.items():
        of_set = {name: runs[name][key] for name in (with_folds if key == "fitted" else runs)}
        base = reference if reference in of_set else next(iter(of_set))
        same = {base, *(name for group in groups if base in group for name in group)}
        sides = dict.fromkeys(recipes.get(name, (name,)) for name in (base, *of_set))
        for side in sides:
            added = [contributions(of_set[name].faces, metric) for name in side]
            sides[side] = np.array(added).T
        other, *found = sides
        found = {side: compare(sides[side], sides[other]) for side in found if not same & {*side}}
        corrected = holm(pd.Series([row[2] for row in found.values()]))
        rows = []
        for number, (side, (gap, bounds, _)) in enumerate(found.items()):
            p = corrected[number]
            bounds = "no interval" if bounds is None else interval(bounds, points)
            values = [style(metric)(sides[one].sum(0).mean()) for one in (side, other)]
            verdict = "significant" if p <= 0.05 else "not significant"
            who, p = listed(side), p_text(p).removeprefix("= ")
            rows.append([who, *values, gain(gap), bounds, p, verdict])
        count = f"{(corrected <= 0.05).sum()} of {len(rows)} differences on the {title}"
        page.says("comparison", *[count] * bool(rows))
        page.table("comparison", f"All comparisons on the {title}", rows)


def check_choice(page, runs, with_folds, groups):
    """What the head says of the lead of the best run, which is returned."""
    metric, faces = page.metric(), {name: of["fitted"].faces for name, of in runs.items()}
    if len(with_folds) < len(runs):
        ids = next(table.id for name, table in faces.items() if name not in with_folds)
        faces = {name: table[table.id.isin(ids)] for name, table in faces.items()}
    added = {name: contributions(table, metric)[:, None] for name, table in faces.items()}
    loss = {name: np.log(np.where(table.target == 1, table.p_male, 1 - table.p_male)).mean()
            for name, table in faces.items()}  # fmt: skip
    best = max(runs, key=lambda name: (round(added[name].sum(), 9), loss[name]))
    same = {best, *(name for group in groups if best in group for name in group)}
    others = [name for name in runs if name not in same] or [name for name in runs if name != best]
    others.sort(key=lambda name: -added[name].sum())
    behind = []
    for name in others:
        size = math.sqrt(2) * stats.norm.isf(compare(added[name], added[best])[2] / 2)
        if stats.studentized_range.sf(size, len(runs), np.inf) > 0.05:
            behind.append(name)
    near = (behind or others)[0]
    lead, bounds, _ = compare(added[best], added[near])
    bounds = "" if bounds is None else f" ({interval(bounds, points)})"
    some = f"{len(behind)} of the other {len(others)} runs"
    some = listed(behind) if 0 < len(behind) <= 3 else some
    text = f"Its lead over {some} can be chance: {points(lead)} points over {near}{bounds}"
    if len(behind) == 1:
        text = f"Its lead over {near}, {points(lead)} points{bounds}, can be chance"
    if not behind:
        text = f"lead over each other run is significant: {points(lead)} points over {near}{bounds}"
    page.says("head", text)
    return best


def check_learning_curve(page, table, results):
    rows = []
    for run, steps in table.groupby("run", sort=False):
        sides = []
        for step in steps.itertuples():
            found = pd.read_csv(results / f"runs/{run}/learning_curve/{step.fraction:g}.csv")
            faces = pd.read_csv(results / "data/validation.csv").merge(found, on="id")
            faces["right"] = ((faces.p_male > faces.p_female) == faces.target).astype(int)
            part = Part(faces.right, faces.subject)
            sides.append(contributions(faces, "accuracy")[:, None])
            rows.append([run, f"{step.faces:,}", percent(part.value), interval(part.bounds())])
        if len(sides) > 1:
            gap, bounds, _ = compare(sides[-1], sides[-2])
            page.says("training", f"the accuracy changes by {points(gap)} percentage points (95 % "
                      f"interval {interval(bounds or (math.nan, math.nan), points)})")  # fmt: skip
    page.table("training", "Accuracy by the number of training faces", rows)


def main():
    """Compare all pages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("--table", action="append", default=[], metavar="SOURCE=CSV:COLUMN,…")
    given = parser.parse_args()
    results, runs, with_folds, own = given.results, {}, [], [pd.DataFrame()]
    split = pd.read_csv(results / "data/split.csv")
    for source, path, columns in (re.split("[=:]", one) for one in given.table):
        of_set = results / f"data/{source}.csv"
        faces = pd.read_csv(of_set) if of_set.exists() else split[split.source == source]
        table = pd.read_csv(path, dtype=str).iloc[faces.row].set_index(faces.id)
        own.append(table[columns.split(",")])
    pages = [Page(results / "index.html")]
    for name in re.findall(r'data-run="([^"]+)"', pages[0].source):
        runs[name], folds = read_run(results / "runs" / name, split, pd.concat(own))
        with_folds += [name] * (folds > 0)
        pages.append(Page(results / f"runs/{name}/report.html"))
        check_run(pages[-1], runs[name], folds)
    check_index(pages[0], runs, with_folds)
    for path in results.glob("learning_curve/learning_curve.csv"):
        check_learning_curve(pages[0], pd.read_csv(path), results)
    for page in pages:
        name = page.path.relative_to(results)
        print(f"{name}: {page.compared} compared, {len(page.different)} different")
        print("".join(f"{name}: {one}\n" for one in page.different), end="")
    sys.exit(any(page.different for page in pages))


if __name__ == "__main__":
    main()
