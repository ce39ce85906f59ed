"""The formats of photos that can be read."""

# The formats that every build of OpenCV decodes. HEIC, the format of iPhones, is not one of them.
FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe"),
    "PNG": (".png",),
    "WebP": (".webp",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
}
SUFFIXES = tuple(suffix for of_format in FORMATS.values() for suffix in of_format)
HIDDEN = r"(?:^|/)\.[^/.]"  # in the path of a hidden file, such as macOS's ._a.jpg, or folder
