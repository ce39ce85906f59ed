"""Rules of the config that its schema cannot express."""

from pathlib import Path

from pydantic import ValidationError

from renet.common import urls
from renet.common.errors import InputError
from renet.common.imdb_wiki import ARCHIVE_MARGIN, TABLE
from renet.config.archives import SAMPLE, Archive, read_header
from renet.config.runs import Run, expand
from renet.config.schema import Config
from renet.config.sentences import explain


def check(settings: Config) -> None:
    """Check a config whose sections are valid; each check relies on the previous checks."""
    _check_sources(settings)
    _check_entries(settings)
    for name, run in settings.runs.items():
        _check_run(name, run, settings.crop.shape)


def check_paths(settings: Config, *, in_module: bool) -> None:
    """Raise an InputError if a file or folder that the config names does not exist.

    If earlier results exist, Snakemake logs "Nothing to be done" and reports no missing input. In a
    module, a missing file is no error, because a rule of the user's workflow may write it.
    """
    named = [*start_files(settings), ("`split.from`", settings.split.from_ or "")]
    named += [(f"`{key}`", getattr(settings, key) or "") for key in ("datasheet", "corrections")]
    for name, archive in settings.used_archives.items():
        key = "table" if archive.table else "labels"
        named += [(f"`archives.{name}.{key}`", path) for path in archive.tables]
        named += [(f"`archives.{name}.split.lists`", path) for path in archive.lists]
    missing = [(key, path, "does not exist") for key, path in places(settings) if not path.exists()]
    own = [(key, Path(name).expanduser()) for key, name in named if name]
    missing += [(key, path, "is not a file") for key, path in own if not path.is_file()]
    if missing and in_module:
        return
    for key, path, fault in missing:
        raise InputError(f"{key} names {path}, which {fault}; check the path.")
    for name, archive in settings.used_archives.items():
        _check_slices(name, archive)
    notes = settings.datasheet
    try:
        _ = notes and Path(notes).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"`datasheet` names {notes}, which is not text in UTF-8 ({error}); save it as UTF-8."
        ) from error


def start_files(settings: Config) -> list[tuple[str, str]]:
    """Return (key, path) of each file of initial weights."""
    return [
        (f"`train.start_from` of the run {name}", file)
        for name, run in settings.runs.items()
        for file in run.train.start_files
    ]


def places(settings: Config) -> list[tuple[str, Path]]:
    """Return (key, path) of the photos to predict, and of each archive with a file:// URL."""
    found = [("`predict.photos`", Path(place)) for place in settings.predict.places]
    for name, archive in settings.used_archives.items():
        in_place = filter(None, map(urls.local_path, archive.listed(archive.url)))
        found += [(f"`archives.{name}.url`", path) for path in in_place]
    return found


def _check_slices(source: str, archive: Archive) -> None:
    """Raise an InputError unless all tables of a source have the columns that `slices` names."""
    labels = archive.label_settings or {}
    for table in archive.tables or ["`labels.pattern`"]:
        header = read_header(table, *labels["required"]) if archive.tables else []
        known = [*header, *labels.get("groups", [])]
        for name in set(archive.slice_columns).difference(known):
            raise InputError(
                f"`archives.{source}.slices` names {name}, which is not a column of {table}; name "
                f"one of {', '.join(known)}."
            )


def _check_sources(settings: Config) -> None:
    known = [SAMPLE, *settings.archives]
    for name in (*settings.sources, *settings.external):
        if name not in known:
            section = "sources" if name in settings.sources else "external"
            raise InputError(
                f"`{section}` names {name}, which is no archive; name one of {', '.join(known)}."
            )
    own = settings.archives.keys() - Config.model_fields["archives"].default.keys()
    if own.isdisjoint(settings.external) and own and settings.sources == [SAMPLE]:
        names = ", ".join(name for name in settings.archives if name in own)
        raise InputError(
            f"`sources` is [{SAMPLE}], so that the network would be trained on drawings, and not "
            f"on your archive; write `sources: [{names}]`, or remove {names} from `archives`."
        )
    for name in settings.external:
        if name in settings.sources:
            raise InputError(
                f"{name} is in both `sources` and `external`; remove it from one of them, because "
                "the network cannot be tested on faces that it was trained on."
            )
    for name, archive in settings.used_archives.items():
        is_crop = archive.database != TABLE and archive.photos == "crop"
        if is_crop and settings.crop.margin > ARCHIVE_MARGIN:
            raise InputError(
                f"`crop.margin` is {settings.crop.margin:g}, but the crops of the source {name} "
                f"have only {ARCHIVE_MARGIN:g} around the face; lower `crop.margin`."
            )


def _check_entries(settings: Config) -> None:
    """Check the runs of each entry of `runs`, and the runs that other sections name."""
    made: set[str] = set()
    for entry, run in settings.entries.items():
        for name, changes in expand(entry, run):
            if name in made:
                raise InputError(
                    f"`runs.{entry}` makes a run called {name}, but another run has this name; "
                    "rename the entry, or change a value of its grid."
                )
            made.add(name)
            try:
                settings.complete(changes)
            except ValidationError as error:
                raise InputError(next(explain(error, changes, ("runs", entry)))) from error
    named = {"comparison.reference": settings.comparison.reference}
    named |= {"audit.run": settings.audit.run} if settings.audit.folds else {}
    for key, wanted in named.items():
        if settings.named_run(wanted) not in settings.runs:
            raise InputError(
                f"`{key}` is {wanted}, but no such run is switched on; name one of these: "
                f"{', '.join(settings.runs)}."
            )


def _check_run(name: str, run: Run, shape: list[int]) -> None:
    kind, recipe = run.model, run.train
    if not kind.has_layers and (recipe.start_from or recipe.freeze):
        raise InputError(
            f"The run {name} has `train.start_from` or `train.freeze`, but its kind {kind.kind} "
            "has no layers; set `start_from: null` and `freeze: []` for this run."
        )
    for layer in [] if isinstance(recipe.freeze, str) else recipe.freeze:
        if layer.partition(".")[0] not in kind.layers():
            raise InputError(
                f"`train.freeze` of the run {name} names {layer}, which is not a layer of its "
                f"network; name one of {', '.join(kind.layers())}."
            )
    for key, needed in (("nesterov", "momentum"), ("age_adjustment", "age_weight")):
        if getattr(recipe, key) and not getattr(recipe, needed):
            raise InputError(f"The run {name} has `{key}: true`, which needs a `{needed}` above 0.")
    if recipe.nesterov and recipe.optimizer != "sgd":
        raise InputError(f"The run {name} has `nesterov: true`, which needs `optimizer: sgd`.")
    if recipe.warm_up > recipe.epochs:
        raise InputError(f"The run {name} has a `warm_up` above its `epochs`; lower `warm_up`.")
    kind.check_size(shape, f"the network of the run {name}")
