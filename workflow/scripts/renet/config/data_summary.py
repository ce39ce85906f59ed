"""What the pages and the provenance of a run say about the data."""

from renet.config import sources


def for_pages(config: dict) -> dict:
    """The settings of the data that the pages name."""
    databases = {
        sources.archive(config, source)["database"]
        for source in config["sources"]
        if source != sources.SAMPLE
    }
    return {
        "databases": sorted(databases),
        "size": sources.image_size(config),
        "margin": config["crop"]["margin"],
        **{name: config[name] for name in ("sources", "filter", "split", "hdf5", "audit")},
    }


def for_provenance(config: dict) -> dict:
    """The settings that a run's result depends on, beside its own model and recipe."""
    archives = {
        source: {key: sources.archive(config, source)[key] for key in ("database", "photos")}
        for source in config["sources"]
    }
    sample = {"sample": {key: config["sample"][key] for key in ("photos", "seed")}}
    return {
        "sources": config["sources"],
        **(sample if sources.SAMPLE in config["sources"] else {}),
        "archives": archives,
        "crop": {key: config["crop"][key] for key in ("size", "margin")},
        **{section: config[section] for section in ("filter", "split", "hdf5")},
    }
