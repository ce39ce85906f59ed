"""Config's sections and keys. `tools/write_config.py` writes their docstrings to config.yaml."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from renet.config.archives import SAMPLE, SAMPLE_FILE, Archive
from renet.config.crop import Crop
from renet.config.filter import RowFilter
from renet.config.model import Architecture, Model
from renet.config.runs import WITHOUT_LAYERS, Checkpoints, Resources, Run, expand, some_runs
from renet.config.section import WORD, File, Files, Name, Named, Section, Shards, Text, Unique
from renet.config.split import SplitSettings
from renet.config.train import Recipe

SECTIONS = {"model", "train", "checkpoints", "resources"}  # a run may change these sections
# An archive cannot have these names, because results/data has files and folders of these names.
TAKEN = (
    "sample|train|validation|test|development|out_of_fold|split|funnel|corrected|thumbnails|"
    r".*\.(csv|h5|svg|md|html)"
)
SERVER = "https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/static"


def _folder(path: str) -> str:
    """Refuse a path that is not normalised, because Snakemake compares paths as text."""
    if (written := os.path.normpath(Path(path).expanduser())) != path:
        raise ValueError(f"is {path}; write {written}, because Snakemake compares paths as text.")
    return path


class Folders(Section):
    """Folders (Snakemake's path variables). Give each config a results folder of its own, as
    configs/wiki.yaml does."""

    results: Annotated[File, AfterValidator(_folder)] = "results"
    """folder of the results"""
    resources: Annotated[File, AfterValidator(_folder)] = "resources"
    """folder of the archives"""


class Sample(Section):
    """Built-in sample of drawn portraits."""

    photos: Literal[60, 600] = 600
    """number of photos; 60 to try the workflow out"""
    shards: Shards = 2
    """number of crop jobs"""


class Hdf5(Section):
    """HDF5 files of the subsets."""

    mean: Literal["none", "channel"] = "none"
    """channel: the network subtracts the mean of each channel of the training set"""
    keep_files: bool = True
    """false: the files are deleted after use, and written again when needed"""


class Audit(Section):
    """The label audit ranks all labels, the most suspicious first, and writes results/audit. For
    each fold, it trains a network without the people of that fold."""

    folds: Literal[0] | Annotated[int, Field(ge=2, le=100)] = 0
    """0: no audit; 5 is usual"""
    run: Named = "renet"
    """run whose network and recipe the audit uses; of a run with several seeds, the first"""


class Predict(Section):
    """Predictions on other photos (docs/predict.md)."""

    photos: Files | None = None
    """a folder, file or tar of photos, or a list of them"""
    detect: bool = False
    """true: find the faces; false: the photos are already cropped to the face"""
    max_error: Annotated[float, Field(gt=0, lt=0.5)] = 0.02
    """predictions are marked "unsure" so that the error rate of the other predictions is at most
    this, with 95 % confidence; if the validation set is too small, no prediction is marked"""

    @property
    def places(self) -> list[str]:
        """Files and folders of photos."""
        return self.paths(self.photos)


class Walkthrough(Section):
    """The page walkthrough.html follows one test photo through the workflow and the network."""

    photo: Text | None = None
    """id or path in results/data/test.csv, or a file name; null: the first test photo"""


class Comparison(Section):
    """All runs are compared with the reference, on the test set and on each external set. A claim
    about a recipe, not only about one model, needs at least three seeds (docs/statistics.md). The
    best run has the highest metric on the validation set."""

    reference: Named | None = None
    """name of a run; null: the first run"""
    metric: Literal["accuracy", "balanced_accuracy"] = "balanced_accuracy"
    """accuracy or balanced_accuracy; the pages report it, rank runs and compare groups by it"""


class Config(Section):
    """Defaults: with them, the workflow runs on the built-in sample. Change a line here, or put the
    lines that differ into a file of your own:

      make CONFIG=configs/wiki.yaml

    A change reruns only the rules that depend on it. docs/config.md describes the section `runs`.
    """

    sources: Annotated[Unique[Named], Field(min_length=1)] = ["sample"]
    """Names of `archives` below, or `sample` (drawn portraits, no download). Several sources form
    one data set. Equal names are one person, except with `subjects: own` (below)."""
    external: Unique[Named] = []
    """External test sets: every run is evaluated on each of them. Nothing is trained or chosen on
    them. Faces whose person or photo is in the training or validation set are left out. An
    example is configs/congress.yaml."""
    pathvars: Folders = Folders()
    sample: Sample = Sample()
    archives: dict[Annotated[str, Field(pattern=f"^(?!({TAKEN})$){WORD}")], Archive] = {
        "wiki": Archive(
            url=f"{SERVER}/wiki_crop.tar", md5="f536eb7f5eae229ae8f286184364b42b",
            database="wiki", photos="crop",
        ),
        "imdb": Archive(
            url=f"{SERVER}/imdb_crop.tar", md5="44b7548f288c14397cb7a7bab35ebe14",
            database="imdb", photos="crop", shards=32,
        ),
    }  # fmt: skip
    """Archives. The workflow downloads only the archives that `sources` or `external` names."""
    filter: RowFilter = RowFilter()
    crop: Crop = Crop()
    split: SplitSettings = SplitSettings()
    corrections: File | None = None
    """Path of a CSV of corrected labels. The page of the label audit, results/audit/index.html,
    writes it from your decisions. Its columns are id, gender (female or male; drop removes the
    face), photo_digest (only for your own photos) and note (optional); id and photo_digest are as
    in results/data/split.csv. A correction moves no face to another subset."""
    hdf5: Hdf5 = Hdf5()
    model: Model = Architecture()
    """The network. The values below are those of the kind renet; a run with
    `model: {kind: cnn}` has that kind's own defaults. The kinds:"""
    train: Recipe = Recipe()
    checkpoints: Checkpoints = Checkpoints()
    resources: Resources = Resources()
    container: Annotated[str, Field(pattern=r"^[^\s{}]+$")] | None = None
    """Image in which `--sdm apptainer` runs the jobs, for instance renet.sif (docs/install.md)."""
    audit: Audit = Audit()
    predict: Predict = Predict()
    export: Unique[Literal["onnx", "safetensors", "hub"]] = []
    """Other formats in which each run's network is written (docs/predict.md): safetensors, hub (a
    folder for a model hub) and onnx, which needs the packages of requirements-export.txt."""
    datasheet: File | None = None
    """Path of a Markdown file in UTF-8, such as notes.md, with what only you know about the data:
    origin, consent, labelling. The data sheet includes its text; begin headings with ###."""
    license: Text | None = None
    """Licence that model cards state, such as cc-by-4.0: for the sample (null: mit) and for
    archives of your own photos without a key `license` (null: "other")."""
    walkthrough: Walkthrough = Walkthrough()
    comparison: Comparison = Comparison()
    entries: Annotated[dict[Name, Run | None], AfterValidator(some_runs)] = Field(
        {"renet": Run()}, alias="runs"
    )
    """The trainings. Each writes its results to results/runs/<name>. A run may override model,
    train, checkpoints and resources:

      wide: {model: {conv_channels: [64, 128, 256, 512]}, train: {nesterov: true}}

    null switches a run off. docs/config.md has examples of these keys:"""

    @cached_property
    def used_archives(self) -> dict[str, Archive]:
        """Archives of the sources, then of the external sets, by name; the sample is included."""
        sample = Archive.model_construct(
            url=SAMPLE_FILE, database="wiki", photos="crop", license=self.license or "mit",
            shards=self.sample.shards,
        )  # fmt: skip
        known = {SAMPLE: sample} | self.archives
        return {name: known[name] for name in (*self.sources, *self.external)}

    @cached_property
    def runs(self) -> dict[str, Run]:
        """Runs by name, each with all keys."""
        made = [made for entry in self.entries.items() for made in expand(*entry)]
        return {name: self.complete(changes) for name, changes in made}

    def complete(self, changes: Mapping) -> Run:
        """Return a run with these changes, and with the config's values of all other keys."""
        sections = self.model_dump(by_alias=True, include=SECTIONS)
        merged = {name: section | changes.get(name, {}) for name, section in sections.items()}
        if merged["model"]["kind"] != self.model.kind:  # each kind has defaults of its own
            merged["model"] = changes["model"]
        run = Run.model_validate({**changes, **merged})  # keys valid alone may not fit together
        if run.model.has_layers:
            return run
        return run.replace(train=run.train.replace(**WITHOUT_LAYERS))

    def named_run(self, name: str | None) -> str:
        """Return the first run of the entry `name`, else `name`; for None, the first run of all."""
        name = name or next(iter(self.runs))
        return next((run for run, _ in expand(name, self.entries.get(name))), name)
