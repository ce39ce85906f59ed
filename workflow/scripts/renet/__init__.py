import sys

if hasattr(sys.modules["__main__"], "snakemake"):  # in a job
    # Ctrl-C leaves no traceback while packages are imported; `logs.start` replaces this.
    sys.excepthook = lambda kind, *rest: (
        None if kind is KeyboardInterrupt else sys.__excepthook__(kind, *rest)
    )
