"""The captions of figures, which Snakemake's report shows, too; only the rule report reads them."""

from pathlib import Path

CAPTIONS = Path(__file__).with_name("captions")


def caption(name: str) -> str:
    """The caption of a figure, in one line without markup."""
    text = (CAPTIONS / f"{name}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "").split())
