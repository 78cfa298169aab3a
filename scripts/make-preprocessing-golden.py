# Writes test/data/golden-preprocessing.json: what scikit-image makes of a few images. Not a test: test/data/preprocessing.test.ts reads the file.
#   python3 scripts/make-preprocessing-golden.py > test/data/golden-preprocessing.json && npx biome check --write test/data
# Debian: apt install python3-skimage dataset-fashion-mnist
import gzip
import json
import sys

import numpy
import skimage
from skimage.exposure import equalize_adapthist, equalize_hist, rescale_intensity
from skimage.feature import hog, local_binary_pattern

FILE = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz"


def rounded(values):
    """Bytes, rounded half up."""
    return numpy.floor(255 * numpy.clip(values, 0, 1) + 0.5).astype(int)


def described(name, image, claheSettings, hogSettings):
    tile, clip = claheSettings
    cell, block = hogSettings
    features = hog(image, orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(block, block))
    return {
        "name": name,
        "height": image.shape[0],
        "width": image.shape[1],
        "image": image.flatten().tolist(),
        "equalize": rounded(rescale_intensity(equalize_hist(image), out_range=(0, 1))).flatten().tolist(),
        "lbp": local_binary_pattern(image, 8, 1, "default").astype(int).flatten().tolist(),
        "clahe": {
            "tile": tile,
            "limit": int(max(clip * tile * tile, 1)),
            "pixels": rounded(equalize_adapthist(image, kernel_size=tile, clip_limit=clip)).flatten().tolist(),
        },
        "hog": {"cell": cell, "block": block, "features": [float("%.7g" % value) for value in features]},
    }


def main():
    pixels = numpy.frombuffer(gzip.open(FILE).read(), numpy.uint8, offset=16).reshape(-1, 28, 28)
    noise = numpy.random.RandomState(1).randint(0, 256, (13, 19)).astype(numpy.uint8)
    ramp = (numpy.add.outer(numpy.arange(16) * 9, numpy.arange(11) * 7) + 20).astype(numpy.uint8)
    cases = [
        described("ankle boot", pixels[0], (7, 0.0999), (4, 2)),
        described("shirt", pixels[18], (7, 0.0999), (4, 2)),
        described("trouser", pixels[21], (14, 0.03), (7, 1)),
        described("noise", noise, (5, 0.2), (3, 2)),
        described("ramp", ramp, (4, 0.3), (5, 1)),
    ]
    json.dump({"made": "scripts/make-preprocessing-golden.py", "scikit-image": skimage.__version__, "cases": cases}, sys.stdout)
    sys.stdout.write("\n")


main()
