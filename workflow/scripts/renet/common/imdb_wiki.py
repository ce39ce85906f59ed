"""Facts of the data set that several modules need, free of other packages."""

DATABASES = ("wiki", "imdb")  # names of the .mat files, and of the structs in them
TABLE = "table"  # stands for a database: a CSV of one's own photos
BOX_COLUMNS = ["x1", "y1", "x2", "y2"]  # of the face, in pixels of the photo
CLASSES = ("female", "male")  # 0 and 1, as in the .mat files
ARCHIVE_MARGIN = 0.4  # of the face's size, on each side: what the crop archives were cut with
