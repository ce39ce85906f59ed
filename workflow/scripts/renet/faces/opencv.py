"""OpenCV, with a limit to what an image's header can make it allocate.

OpenCV reads the limit when it is loaded, which is why it is imported here and nowhere before.
"""

import os

MAX_PIXELS = 100_000_000  # of one image: 300 MB decoded; the data set's largest has a tenth of it
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)

import cv2  # noqa: E402, F401
