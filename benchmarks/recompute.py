"""Recompute the numbers of a results folder from its predictions, and compare them.

    python benchmarks/recompute.py results
    python benchmarks/recompute.py results --columns glasses.csv

It imports nothing of the project: the methods are written anew, from docs/statistics.md. From the
predictions, history.csv and the tables of faces follow metrics.json (but for leakage, updates and
advice) and slices.csv of each run and set, temperature, threshold and claim of
predictor.json, runs.csv and comparison.csv. --columns names a CSV file with the `id` of faces and
own columns that are slices. Settings are those of the compared files: the runs that are compared,
the metric, and the largest error of what is not "unsure". Exits with 1 if a number differs.
"""

import argparse
import functools
import itertools
import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

TAIL, ALPHA = 0.025, 0.05
GENDERS = ("female", "male")
UNNAMED = r"[\w.:-]+:/"  # photos without a person
IN_TRAINING = "person in the training set"
UNTESTED = ("recorded gender", "decade", "face score", "crop size")
TEXT = dict.fromkeys(("id", "path", "source", "subject"), str)
read = functools.partial(pd.read_csv, dtype=TEXT, keep_default_na=False, na_values=[""])


def by_person(values, person):
    return pd.Series(np.asarray(values, float)).groupby(np.asarray(person)).sum().to_numpy()


class Part:
    """A fraction of faces that is right."""

    def __init__(self, right, person):
        photos = by_person(np.ones(len(right)), person)
        self.n, self.value = len(right), np.mean(right)
        self.people = photos.sum() ** 2 / (photos**2).sum()  # Kish's effective number
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


def parts_of(faces, column):
    parts = faces.groupby(column)
    return {GENDERS[label]: Part(rows.right, rows.subject) for label, rows in parts}


def mover(weights, parts, tail=TAIL, correlation=0.0):
    """Interval of a weighted sum of fractions."""
    value = sum(w * one.value for w, one in zip(weights, parts, strict=True))
    bounds = np.array([sorted(w * one.bounds(tail)) for w, one in zip(weights, parts, strict=True)])
    reach = abs(bounds - [[w * one.value] for w, one in zip(weights, parts, strict=True)])
    both = 2 * correlation * np.sign(math.prod(weights)) * reach.prod(axis=0)
    return value + np.array([-1, 1]) * np.sqrt((reach**2).sum(axis=0) + both)


def p_of(interval):
    """P-value of a difference from zero, from its interval by the tail."""
    narrow, wide = (max(interval(tail) * [1, -1]) for tail in (0.49, 1e-12))
    if narrow <= 0 or wide >= 0:
        return float(narrow <= 0)
    return 2 * optimize.brentq(lambda tail: max(interval(tail) * [1, -1]), 1e-12, 0.49)


def holm(p_values):
    steps = p_values.dropna().sort_values(kind="stable")
    steps *= np.arange(len(steps), 0, -1)
    return steps.cummax().clip(upper=1).reindex(p_values.index)


def auc_and_bounds(target, score, person):
    """ROC AUC with the interval by Newcombe's method 5, with the design effect by Obuchowski."""
    male, female = score[target == 1][:, None], score[target == 0][None]
    above, people = (male > female) + 0.5 * (male == female), Part(target, person).people
    auc, added = above.mean(), np.empty(len(target))
    added[target == 1] = (above.mean(axis=1) - auc) / male.size
    added[target == 0] = (above.mean(axis=0) - auc) / female.size
    fewest = min(Part(target[target == label], person[target == label]).people for label in (0, 1))
    if fewest < 1.5:
        return auc, None
    copies, faces = len(target) / people, (added**2).sum()
    clustered = people / (people - 1) * (by_person(added, person) ** 2).sum()
    effect = max(clustered / faces, 1 + 0.1 * (copies - 1)) if faces else copies
    squared = stats.t.isf(TAIL, fewest - 1) ** 2 * effect / (male.size * female.size)

    def beyond(end):
        q = (1 - end) / (2 - end) + end / (1 + end)
        return (end - auc) ** 2 - squared * end * (1 - end) * (1 + (len(target) / 2 - 1) * q)

    low = optimize.brentq(beyond, 0, min(auc, 1 - 1e-9)) if auc > 0 else 0
    return auc, [low, optimize.brentq(beyond, max(auc, 1e-9), 1) if auc < 1 else 1]


def load(path):
    faces = read(path)
    with np.errstate(divide="ignore"):
        faces["log_odds"] = np.log(faces.p_male) - np.log(faces.p_female)
    faces["predicted"] = (faces.p_male > faces.p_female).astype(int)
    return faces.assign(right=(faces.target == faces.predicted).astype(int))


def claim(value, interval):
    """A difference to the baseline, with its interval by the tail."""
    p = p_of(interval) if value > 0 else 1.0
    return {"difference": value, "interval": interval(TAIL), "p": p, "above": p <= ALPHA}


def people(subjects):
    subjects = subjects.drop_duplicates()
    return {"subjects": len(subjects), "unnamed_photos": subjects.str.match(UNNAMED).sum()}


def summary(faces):
    """The metrics of a set."""
    recalls, precisions = parts_of(faces, "target"), parts_of(faces, "predicted")
    known, whole = [*recalls.values()], Part(faces.right, faces.subject)
    both, halves = len(known) == 2, [1 / len(known)] * len(known)
    value = np.mean([one.value for one in known])
    scores = faces.target.to_numpy(), faces.p_male.to_numpy(), faces.subject
    auc, ends = auc_and_bounds(*scores) if both else (None, None)
    gap = mover((1, -1), known[::-1]) if both else None
    majority = GENDERS[int(faces.target.mean() >= 0.5)]
    common, right = faces.target == GENDERS.index(majority), faces.right == 1
    parts = [Part(one, faces.subject) for one in (right & ~common, ~right & common)]
    odds = [one.value / (1 - one.value) if one.value < 1 else 0 for one in parts]
    r = -math.sqrt(math.prod(odds))
    above = claim(parts[0].value - parts[1].value, lambda tail: mover((1, -1), parts, tail, r))
    balanced = claim(value - 0.5, lambda tail: mover(halves, known, tail) - 0.5) if both else None
    of_male = np.where(faces.target == 1, faces.p_male, 1 - faces.p_male)
    pairs = np.bincount(faces.target * 2 + faces.predicted, minlength=4)
    return people(faces.subject) | {
        "n": len(faces), "effective_people": whole.people, "effective_faces": whole.size(),
        "classes": GENDERS, "accuracy": whole.value, "balanced_accuracy": value, "roc_auc": auc,
        **{kind: {name: of[name].value if name in of else None for name in GENDERS}
           for kind, of in (("recall", recalls), ("precision", precisions))},
        "loss": -np.log(np.maximum(of_male, np.finfo(float).eps)).mean(),
        "confusion_matrix": pairs.reshape(2, 2),
        "intervals": {
            "accuracy": whole.bounds(), "balanced_accuracy": mover(halves, known), "roc_auc": ends,
            **{f"{kind}_{name}": of[name].bounds() if name in of else None for name in GENDERS
               for kind, of in (("recall", recalls), ("precision", precisions))},
        },
        "small": whole.small, "few": whole.small or len(faces) < 100,
        "male_minus_female": {"value": known[1].value - known[0].value if both else None,
                              "interval": gap, "significant": both and gap.prod() > 0},
        "above_baseline": {"accuracy": above if both else None, "balanced_accuracy": balanced},
        "majority_baseline": {
            "class": majority, "accuracy": common.mean(),
            "balanced_accuracy": np.mean([name == majority for name in recalls]),
            "recall": {name: name == majority if name in recalls else None for name in GENDERS},
            "precision": dict.fromkeys(GENDERS) | {majority: common.mean()},
            "roc_auc": 0.5 if both else None,
        },
        "constant_prediction": len(precisions) == 1,
    }  # fmt: skip


def bands(numbers, edges, unit):
    step = bool(unit)  # numbers with a unit are whole
    inner = [f"{low}–{high - step}{unit}" for low, high in itertools.pairwise(edges)]
    names = [f"below {edges[0]}{unit}", *inner, f"{edges[-1]}{unit} and more", "unknown"]
    place = np.where(numbers.isna(), len(names) - 1, np.digitize(numbers.astype(float), edges))
    return pd.Series(pd.Categorical.from_codes(place, names), numbers.index)


def slices(faces, training, own, metric):
    """slices.csv; `own` has the own columns by id."""
    columns = {
        "recorded gender": faces.target.map(dict(enumerate(GENDERS))),
        "age": bands(faces.age, range(0, 71, 10), " years"),
        "decade": (faces.year // 10 * 10).map("{:.0f}s".format).replace("nans", "unknown"),
        "face score": bands(faces.face_score, range(1, 7), ""),
        "crop size": bands(faces[["crop_height", "crop_width"]].min(axis=1),
                           (0, 64, 96, 128, 192, 256), " px"),
        "photo": faces.grey.map({1: "in grey", 0: "in colour"}), "source": faces.source,
        **own.reindex(faces.id).set_axis(faces.index).add_prefix("column "),
    }  # fmt: skip
    known = faces.subject.isin(training.subject)
    if known.any() and faces.subset[0] != "out_of_fold":
        known = known.map({True: "yes", False: "no"}).mask(faces.subject.str.match(UNNAMED))
        columns[IN_TRAINING] = known
    rows = []
    for name, values in columns.items():
        known = values.fillna("unknown").astype("category").cat.remove_unused_categories()
        if [*(present := known.cat.categories)] != ["unknown"]:
            masks = {one: (known == one).to_numpy() for one in present}
            rows += [slice_row(faces, metric, name, *of_one) for of_one in masks.items()]
    table = pd.DataFrame(rows)
    given = table.inside[table.slice == "column age"]  # often the same groups as the bands
    table = table[(table.slice != "age") | ~table.inside.isin(given)]
    tests = table[table.p.notna()].sort_values("difference", kind="stable")
    table["p_holm"] = holm(tests.drop_duplicates("either").p)  # of two halves the weaker
    table["gap_p_holm"] = holm(table[table.gap_p.notna()].drop_duplicates("inside").gap_p)
    return table.drop(columns=["gap_p", "inside", "either"])


def slice_row(faces, metric, name, value, inside):
    of_slice, others = faces[inside], faces[~inside]
    part, recalls = Part(of_slice.right, of_slice.subject), parts_of(of_slice, "target")
    rest = Part(others.right, others.subject) if len(others) else None
    large = rest and not part.small and not rest.small and name not in UNTESTED
    female, male = (recalls.get(one) for one in GENDERS)
    both = female and male
    compared = large and both and name != IN_TRAINING and min(female.n, male.n) >= 10
    sides, weights = (part, rest), (1, -1)
    if metric == "balanced_accuracy":
        of_rest = parts_of(others, "target")
        sides = [female, male, *(of_rest.get(one) for one in GENDERS)]
        weights = (0.5, 0.5, -0.5, -0.5)
    defined = all(sides)
    tested = large and defined and min(one.n for one in sides) >= 10
    row = {
        "slice": name, "value": value, "n": part.n, "subjects": of_slice.subject.nunique(),
        "n_female": female.n if female else 0, "n_male": male.n if male else 0,
        "small": part.small, "effective_people": part.people, "accuracy": part.value,
        "difference": np.dot(weights, [one.value for one in sides]) if defined else None,
        "p": p_of(lambda tail: mover(weights, sides, tail)) if tested else None,
        "recall_female": female and female.value, "recall_male": male and male.value,
        "gap": male.value - female.value if both else None,
        "gap_p": p_of(lambda tail: mover((1, -1), (male, female), tail)) if compared else None,
        "inside": inside.tobytes(), "either": min(inside.tobytes(), (~inside).tobytes()),
    }  # fmt: skip
    row["low"], row["high"] = part.bounds()
    bounds = mover(weights, sides) if defined else (None, None)
    row["difference_low"], row["difference_high"] = bounds
    for gender, recall in zip(GENDERS, (female, male), strict=True):
        bounds = recall.bounds() if recall else (None, None)
        row[f"recall_{gender}_low"], row[f"recall_{gender}_high"] = bounds
    row["gap_low"], row["gap_high"] = mover((1, -1), (male, female)) if both else (None, None)
    return row


def calibration(faces):
    """The section `calibration` of metrics.json."""
    part, limits = Part(faces.right, faces.subject), (0.05, 20.0)  # also of 1 / temperature
    odds = (faces.log_odds.clip(-700, 700) * (faces.target * 2 - 1)).to_numpy()

    def loss(factor):
        return np.logaddexp(0, -factor * odds).sum()

    best = optimize.minimize_scalar(loss, bounds=limits, options={"xatol": 1e-9}).x
    low, high, reason = *limits, "small" if part.small else "limit"
    if not part.small and limits[0] * math.exp(0.01) < best < limits[1] * math.exp(-0.01):
        scores = odds * special.expit(-best * odds)
        effect = max(1, (by_person(scores, faces.subject) ** 2).sum() / (scores**2).sum())
        most = loss(best) + effect * stats.t.isf(TAIL, part.people - 1) ** 2 / 2
        low, high = (1 / optimize.brentq(lambda factor: loss(factor) - most, best, end)
                     if loss(end) > most else 1 / end for end in limits[::-1])  # fmt: skip
        reason = "unclear"
    unclear = low <= 1 <= high and high > 2 * low
    confidences = "too_high" if low > 1 else "too_low" if high < 1 else "no_error_found"
    return {
        "temperature": 1 if unclear else 1 / best, "fitted_on": faces.subset[0],
        "interval": [low, high] if reason == "unclear" else None,
        "unfitted": reason if unclear else None,
        "confidences": "inconclusive" if unclear else confidences,
    }  # fmt: skip


def abstention(fitted, faces, divisor, most):
    """The section `abstention` of metrics.json, for an error of at most `most`."""
    one_each, whole = fitted.drop_duplicates("subject"), Part(fitted.right, fitted.subject)
    count, needed = len(one_each), math.ceil(math.log(0.01) / math.log(1 - most))
    found = {"threshold": None, "accepted": 0, "errors": 0, "upper_bound": None}
    ranks = np.unique(np.linspace(needed, count, 100).round().astype(int))
    falling = [*-np.sort(-abs(one_each.log_odds)), -math.inf]
    for start in range(5 if count >= needed else 0):
        for limit in (falling[rank] for rank in ranks[start * len(ranks) // 5 :]):
            sides = [of.right[abs(of.log_odds) > limit] for of in (one_each, fitted)]
            sizes = np.array([len(sides[0]), len(sides[1]) * whole.size(0.01) / whole.n])
            wrong = sizes * [1 - right.mean() for right in sides]
            bounds = stats.beta.isf(0.01, wrong + 1, sizes - wrong)
            if not bounds.max() <= most:  # also if it is not defined: none is right
                break
            found = {"threshold": special.expit(limit / divisor), "accepted": len(sides[0]),
                     "errors": (1 - sides[0]).sum(), "upper_bound": bounds.max()}  # fmt: skip
    sure = special.expit(abs(faces.log_odds) / divisor)
    accepted = faces[sure > (1 if found["threshold"] is None else found["threshold"])]
    part = Part(1 - accepted.right, accepted.subject) if len(accepted) else None
    return found | {
        "level": 0.95, "max_error": most, "people": count, "needed": needed,
        "few_people": count < needed,
        "test": {"accepted": len(accepted), "coverage": len(accepted) / len(faces),
                 "error": part and part.value, "error_interval": part and part.bounds(),
                 "error_of_all": 1 - faces.right.mean()},
    }  # fmt: skip


def p_against_baseline(name, of_set, metric, ranked):
    """P-value of a set; the out-of-fold set also ranked so many runs."""
    found = of_set["above_baseline"][metric]
    if name == "validation" or not found:
        return None
    return min(1, found["p"] * (ranked if name == "out_of_fold" else 1))


def evaluation(place, folder, faces, fitted, split, own, ranked):
    """metrics.json and slices.csv of a set in its place, which for the test set is the run's."""
    folds, history = fitted.subset[0] == "out_of_fold", read(folder / "history.csv")
    if place != folder:
        split = split[split.subset != "test"]
    if place.parent.name == "external":
        split = pd.concat([split, read(folder.parents[1] / f"data/{place.name}.csv")])
    if folds and history.validation_loss.isna().all():  # trained on the validation set, too
        split = split.replace({"subset": {"validation": "train"}})
    counts, training = split.subset.value_counts(), split[split.subset == "train"]
    scaling = calibration(fitted)
    metric = stored_in(place / "metrics.json")["groups"]["metric"]
    table = slices(faces, training, own, metric)
    groups = {
        "tested": table[table.p_holm.notna()],
        "gaps": table[table.gap_p_holm <= ALPHA].sort_values(
            "gap", key=abs, ascending=False, kind="stable"),
        "below": table[(table.p_holm <= ALPHA) & (table.difference < 0)].sort_values(
            "difference", kind="stable"),
        "compared": table[table.gap_p_holm.notna()],
    }  # fmt: skip
    most = stored_in(place / "metrics.json")["abstention"]["max_error"]
    found = {
        "data": people(split.subject) | {
            "faces": dict(counts), "male_fraction": training.target.mean(),
            "first_year": split.year.min(), "last_year": split.year.max()},
        "test": summary(faces), "validation": summary(fitted),
        "groups": {"metric": metric, **{
            name: of[["slice", "value"]].to_numpy() for name, of in groups.items()}},
        "calibration": scaling,
        "abstention": abstention(fitted, faces, scaling["temperature"], most),
    }  # fmt: skip
    if place == folder:
        choosing = found["validation"]["effective_faces"]
        part = counts.get("validation", np.inf) / len(fitted) if folds else 1
        epoch = choosing * part
        leads = "out_of_fold" if folds and found["test"]["few"] else "test"
        led = found["validation" if leads == "out_of_fold" else "test"]
        p = p_against_baseline(leads, led, metric, ranked)
        found["stated"] = {
            "set": leads, "metric": metric, "faces": led["n"], "value": led[metric],
            "low": led["intervals"][metric][0], "high": led["intervals"][metric][1],
            "baseline": led["majority_baseline"][metric], "above": p is not None and p <= ALPHA,
        }  # fmt: skip
        found["chosen_by_few"] = {
            what: round(faces) if faces < 99.5 else None
            for what, faces in {"epoch": epoch, "others": choosing}.items()
        }
    return found, table


def contributions(faces, metric):
    """What each person adds to a metric."""
    classes = faces.target if metric == "balanced_accuracy" else faces.target * 0
    weight = 1 / classes.map(classes.value_counts()) / classes.nunique()
    return by_person(faces.right * weight, faces.subject)


def compare(run, other):
    """Difference of two recipes, each (people, seeds), with its interval and p."""
    sides, gaps = [one for one in (run, other) if one.shape[1] > 1], run.mean(1) - other.mean(1)
    noise = sum(one.var(axis=1, ddof=1).sum() / one.shape[1] for one in sides)
    parts = [(max((gaps**2).sum() - noise, 0), len(gaps) - 1)]
    parts += [(one.sum(0).var(ddof=1) / one.shape[1], one.shape[1] - 1) for one in sides]
    variance, gap = sum(one for one, _ in parts), gaps.sum()
    if variance < 1e-18 or len(gaps) == 1:
        return gap, None, None, 1.0
    freedom = variance**2 / sum(one**2 / count for one, count in parts)
    reach = math.sqrt(variance) * stats.t.isf(TAIL, freedom)
    p = 2 * stats.t.sf(abs(gap) / math.sqrt(variance), freedom)
    return gap, max(-1, gap - reach), min(1, gap + reach), p


def comparison(stored, sets, ranking):
    """comparison.csv, whose rows name the runs of both sides."""
    found = []
    for (name, is_best), rows in stored.groupby(["set", stored.kind == "best"]):
        faces, table = ranking if is_best else sets[name], []
        for row in rows.to_dict("records"):
            sides = [np.array([contributions(faces[run], row["metric"]) for run in names.split()]).T
                     for names in (row["run"], row["other"])]  # fmt: skip
            row["value"], row["other_value"] = (side.sum(0).mean() for side in sides)
            row["difference"], row["low"], row["high"], row["p"] = compare(*sides)
            table.append(row)
        table = pd.DataFrame(table)
        sizes = math.sqrt(2) * stats.norm.isf(table.p / 2)
        tukey = stats.studentized_range.sf(sizes, len(faces), np.inf)
        table["p_corrected"] = tukey if is_best else holm(table.p)
        found.append(table.assign(significant=table.p_corrected <= ALPHA))
    return pd.concat(found) if found else stored


def runs_table(stored, metrics, leads, ranking_set):
    """runs.csv, by the metrics of each run on each set; its rows of seeds name their runs."""
    metric = stored.metric[0]
    table = pd.DataFrame([{
        "set": name, "kind": "run", "run": run, "metric": metric, "faces": one["n"],
        "small": one["small"], "few": one["few"], "leads": name == leads[run],
        "value": one[metric], "low": one["intervals"][metric][0],
        "high": one["intervals"][metric][1], "baseline": one["majority_baseline"][metric],
        "baseline_class": one["majority_baseline"]["class"],
        "p": p_against_baseline(name, one, metric, len(metrics)),
        "ranked": len(metrics) if name == "out_of_fold" else 1,
        "order": (-round(one[metric], 9), one["loss"]),
    } for run, of_sets in metrics.items() for name, one in of_sets.items()])  # fmt: skip
    table["p"] = table.p.astype(float)
    table["p_corrected"] = table.groupby(["run", "leads"]).p.transform(holm)
    table["above"] = table.p_corrected.le(ALPHA).astype(float).mask(table.p.isna())
    ranked = table[table.set == ranking_set].sort_values("order", kind="stable")
    table["rank"] = pd.Series(range(1, len(ranked) + 1), ranked.index)
    found = [table]
    alike = ["set", "metric", "faces", "small", "few", "baseline", "baseline_class", "ranked"]
    for group in stored.run[stored.kind == "seeds"].unique():
        for _, of_set in table[table.run.isin(group.split())].groupby("set"):
            if len(of_set) == len(group.split()):
                found.append(of_set[alike].head(1).assign(
                    kind="seeds", run=group, leads=of_set.leads.min(), value=of_set.value.mean(),
                    deviation=of_set.value.std(), above=of_set.above.min(skipna=False),
                ))  # fmt: skip
    return pd.concat(found).drop(columns="order")


def flat(value, name=""):
    """The numbers and words in dictionaries, lists and tables, by name."""
    if isinstance(value, pd.DataFrame):
        keys = ["slice", "value"] if "slice" in value else ["set", "kind", "run"]
        keys += ["other"] * ("other" in value)
        value = {" ".join(row[key] for key in keys): row for row in value.to_dict("records")}
    if not isinstance(value, dict | list | tuple | np.ndarray):
        return {name.strip(): None if pd.isna(value) else value}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found = [flat(part, f"{name} {key}").items() for key, part in parts]
    return dict(itertools.chain.from_iterable(found))


def stored_in(path):
    return read(path, dtype=str) if path.suffix == ".csv" else json.loads(path.read_text())


def check(path, own):
    """Print the differences of a file from what is recomputed; returns their number."""
    stored = stored_in(path)
    stored = {key: stored[key] for key in own} if isinstance(own, dict) else stored
    table = pd.DataFrame({"stored": flat(stored), "own": flat(own)}, dtype=object).dropna(how="all")
    numbers = table.apply(pd.to_numeric, errors="coerce").astype(float)
    same = np.isclose(numbers.own, numbers.stored, rtol=1e-5, atol=1e-9) | (
        table.stored == table.own
    )
    print(f"{path}: {len(same)} compared, {(~same).sum()} different")
    for name, row in table[~same].iterrows():
        print(f"{path}: {name}: stored {row.stored}, recomputed {row.own}")
    return (~same).sum()


def recomputed(results, own):
    """Each file of the results, with what the predictions make of it."""
    split, stored = read(results / "data/split.csv"), stored_in(results / "comparison/runs.csv")
    sets, metrics, leads = {}, {}, {}
    names = stored.run[stored.kind == "run"].unique()
    for run in names:
        folder, metrics[run] = results / "runs" / run, {}
        fitted = load(folder / "inference_validation.csv")
        sets.setdefault(fitted.subset[0], {})[run] = fitted
        for place in [*sorted(folder.glob("external/*")), *folder.glob("out_of_fold"), folder]:
            faces = fitted if place.name == "out_of_fold" else load(place / "inference.csv")
            found, table = evaluation(place, folder, faces, fitted, split, own, len(names))
            yield place / "metrics.json", found
            yield place / "tables/slices.csv", table
            metrics[run][faces.subset[0]] = found["test"]
            sets.setdefault(faces.subset[0], {})[run] = faces
        scaling, limit = found["calibration"], found["abstention"]
        leads[run] = found["stated"]["set"]
        predictor = {
            "temperature": None if scaling["unfitted"] else scaling["temperature"],
            "unsure": {key: limit[key] for key in ("threshold", "level", "max_error")},
            "stated": found["stated"],
        }
        yield from ((path, predictor) for path in folder.glob("predictor.json"))
    ranking_set = "validation" if "validation" in sets else "out_of_fold"
    ids = next(iter(sets[ranking_set].values())).id
    ranking = {**sets.get("out_of_fold", {}), **sets.get("validation", {})}
    for run, faces in ranking.items():
        ranking[run] = faces[faces.id.isin(ids)]
        metrics[run][ranking_set] = summary(ranking[run])
    yield results / "comparison/runs.csv", runs_table(stored, metrics, leads, ranking_set)
    path = results / "comparison/comparison.csv"
    yield path, comparison(stored_in(path), sets, ranking)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--columns", type=Path, metavar="CSV", help="id and own columns")
    given = parser.parse_args()
    own = read(given.columns, dtype=str).set_index("id") if given.columns else pd.DataFrame()
    sys.exit(bool(sum(check(*one) for one in recomputed(given.results, own))))


if __name__ == "__main__":
    main()
