"""The rules of the config that its schema cannot express."""

from pathlib import Path

from renet.common import urls
from renet.common.errors import InputError
from renet.config import runs, sources
from renet.config.model import KINDS

# Tables of results/data beside those of the external sets.
TABLES = (
    "train", "validation", "test", "development", "out_of_fold", "split", "funnel", "corrected",
)  # fmt: skip
AUDIT_PROPOSALS = ("audit", "suspects.csv")  # the end of the path


def check(config: dict) -> None:
    """Check a config that fits the schema and is complete."""
    for source in sources.with_external(config):
        sources.crop_settings(config, source)  # raises if archive or margin cannot be used
    _check_external(config)
    if Path(config["corrections"] or "").parts[-2:] == AUDIT_PROPOSALS:
        raise InputError(
            f"`corrections` names {config['corrections']}, which the label audit overwrites; copy "
            "it, correct each line, delete those that you cannot decide, and name the copy."
        )
    runs.reference(config)  # raises if there is no such run
    for name, run in runs.runs(config).items():
        _check_run(name, run, sources.image_size(config))


def check_paths(config: dict, *, in_module: bool) -> None:
    """Check that the files and folders that the config names are there.

    Snakemake would not report a missing input if the results of an earlier run exist: it would say
    "Nothing to be done". But the rules of a workflow that takes this one as a module may make it.
    """
    named = [(f"`{key}`", config[key]) for key in ("datasheet", "corrections")]
    named += [("`split.from`", config["split"]["from"]), *start_files(config)]
    for source in sources.with_external(config):
        archive = sources.archive(config, source)
        key = "table" if archive["table"] else "labels"
        named += [(f"`archives.{source}.{key}`", path) for path in archive["tables"]]
        named += [(f"`archives.{source}.split.lists`", path) for path in archive["lists"]]
    missing = [(key, path, "does not exist") for key, path in places(config) if not path.exists()]
    own = [(key, Path(name).expanduser()) for key, name in named if name]
    missing += [(key, path, "is not a file") for key, path in own if not path.is_file()]
    if missing and in_module:
        return
    for key, path, fault in missing:
        raise InputError(f"{key} names {path}, which {fault}; check the path.")
    for source in sources.with_external(config):
        _check_slices(source, sources.archive(config, source))
    notes = config["datasheet"]
    try:
        _ = notes and Path(notes).expanduser().read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"`datasheet` names {notes}, which is not text in UTF-8 ({error}); save it as UTF-8."
        ) from error


def start_files(config: dict) -> list[tuple[str, str]]:
    """The keys and files of the weights that trainings start from."""
    return [
        (f"`train.start_from` of the run {name}", file)
        for name, run in runs.runs(config).items()
        for file in runs.recipe(run).start_files
    ]


def places(config: dict) -> list[tuple[str, Path]]:
    """The keys and paths of archives on the disk, and of the photos to predict."""
    found = [("`predict.photos`", Path(place)) for place in sources.places_to_predict(config)]
    for source in sources.with_external(config):
        in_place = filter(None, map(urls.local_path, sources.archive(config, source)["urls"]))
        found += [(f"`archives.{source}.url`", path) for path in in_place]
    return found


def _check_slices(source: str, archive: dict) -> None:
    """Check that the tables of a source have the columns that `slices` names."""
    labels = archive["labels"] or {}
    for table in archive["tables"] or ["`labels.pattern`"]:
        header = sources.examine_table(table, *labels["required"])[0] if archive["tables"] else []
        known = [*header, *labels.get("groups", [])]
        for name in set(archive["slices"]).difference(known):
            raise InputError(
                f"`archives.{source}.slices` names {name}, which is not a column of {table}; its "
                f"columns are {', '.join(known)}."
            )


def _check_external(config: dict) -> None:
    for name in config["external"]:
        if name in config["sources"]:
            raise InputError(
                f"{name} is in both `sources` and `external`; remove it from one of them, because "
                "the network cannot be tested on faces that it was trained on."
            )
        if name in TABLES:
            raise InputError(
                f"`external` names {name}, which is the name of a table in results/data; rename it "
                "under `archives`."
            )


def _check_run(name: str, run: dict, size: list[int]) -> None:
    kind, recipe = run["model"]["kind"], run["train"]
    made = KINDS[kind].model_validate(run["model"])
    if not made.has_layers and (recipe["start_from"] or recipe["freeze"]):
        raise InputError(
            f"The run {name} has `train.start_from` or `train.freeze`, but its kind {kind} has no "
            "layers; give these keys only to runs of other kinds."
        )
    layers = made.layers()
    for layer in [] if isinstance(recipe["freeze"], str) else recipe["freeze"]:
        if layer.partition(".")[0] not in layers:
            raise InputError(
                f"`train.freeze` of the run {name} names {layer}, which is not a layer of its "
                f"network; it has {', '.join(layers)}."
            )
    for key, needed in (("nesterov", "momentum"), ("age_adjustment", "age_weight")):
        if recipe[key] and not recipe[needed]:
            raise InputError(f"The run {name} has `{key}: true`, which needs `{needed}` above 0.")
    if recipe["warm_up"] > recipe["epochs"]:
        raise InputError(f"The run {name} has a `warm_up` above its `epochs`; lower `warm_up`.")
    made.check_size(size, f"the network of the run {name}")
    processes, nodes = run["train"]["processes"], run["resources"]["nodes"]
    if processes % nodes:
        raise InputError(
            f"The run {name} has `train.processes: {processes}` and `resources.nodes: {nodes}`; "
            "the processes must be a multiple of the nodes, because each machine gets an equal "
            "number."
        )
