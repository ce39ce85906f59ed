"""OpenCV with a limit on the size of images.

OpenCV reads the limit when it is loaded; it must not be imported elsewhere before.
"""

import os

MAX_PIXELS = 100_000_000  # of one image: 300 MB decoded; the largest of the data set has a tenth
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)

import cv2  # noqa: E402, F401
