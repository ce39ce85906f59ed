"""Facts about the data set that several packages use; this module imports nothing."""

IMDB = "imdb"
DATABASES = ("wiki", IMDB)  # names of the .mat files, and of the structs in them
TABLE = "table"  # instead of a database: a CSV of the user's own photos
BOX_COLUMNS = ["x1", "y1", "x2", "y2"]  # the face's box, in pixels of the photo
LABELS = ("gender", "subject", "age", "year", *BOX_COLUMNS, "subset")  # columns of a `TABLE`
SUBSETS = ("train", "validation", "test")
CLASSES = ("female", "male")  # 0 and 1, as in the .mat files
PROBABILITIES = {"p_female": float, "p_male": float}  # columns of the tables of predictions
ARCHIVE_MARGIN = 0.4  # each side of a ready-made crop, as a fraction of the face's size
