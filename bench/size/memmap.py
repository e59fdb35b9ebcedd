"""The references of bench:size: the same questions answered with numpy.memmap, block by block, or with Spectral Python's
reader. Prints one JSON document."""
import json
import resource
import sys
import time

born = time.perf_counter()
import numpy as np  # noqa: E402  (its import is part of a cold start)

path, lines, samples, bands, interleave, stride, work = sys.argv[1:8]
lines, samples, bands, stride = int(lines), int(samples), int(bands), int(stride)
shape = {"bsq": (bands, lines, samples), "bil": (lines, bands, samples), "bip": (lines, samples, bands)}[interleave]
cube = np.memmap(path, dtype="<u2", mode="r", shape=shape)


# The cube with its axes as lines, samples, bands, whatever their order in the file: views, nothing is copied.
view = cube.transpose({"bsq": (1, 2, 0), "bil": (0, 2, 1), "bip": (0, 1, 2)}[interleave])


def band(at):
    return view[::stride, ::stride, at].astype(np.float32)


def pixel(line, sample):
    return view[line, sample].astype(np.float32)


def blocks():
    step = 64
    for start in range(0, lines, step):
        yield start, np.ascontiguousarray(view[start:start + step]).reshape(-1, bands)


def timed(run):
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


result = {}
if work == "look":
    picture = band(bands // 2)
    np.percentile(picture, np.arange(101))
    result["firstPicture"] = time.perf_counter() - born
    result["bandChange"] = sorted(timed(lambda at=at: np.percentile(band(at), np.arange(101))) for at in (3, 17, 40, 8, 55))[2]
    result["spectrum"] = sorted(timed(lambda at=at: pixel(at * 37 % lines, at * 91 % samples)) for at in range(21))[10]
elif work == "spectral":
    import spectral
    image = spectral.open_image(path.rsplit(".", 1)[0] + ".hdr")

    def picture(at):
        np.percentile(image.read_band(at)[::stride, ::stride].astype(np.float32), np.arange(101))

    picture(bands // 2)
    result["firstPicture"] = time.perf_counter() - born
    result["bandChange"] = sorted(timed(lambda at=at: picture(at)) for at in (3, 17, 40, 8, 55))[2]
    result["spectrum"] = sorted(timed(lambda at=at: image.read_pixel(at * 37 % lines, at * 91 % samples)) for at in range(21))[10]
else:
    started = time.perf_counter()
    count, total, scatter = 0, np.zeros(bands), np.zeros((bands, bands))
    for _, part in blocks():
        values = part.astype(np.float64)
        count += len(values)
        total += values.sum(axis=0)
        scatter += values.T @ values
    mean = total / count
    covariance = (scatter - count * np.outer(mean, mean)) / (count - 1) + 1e-6 * np.eye(bands)
    result["fit"] = time.perf_counter() - started
    started = time.perf_counter()
    inverse = np.linalg.pinv(covariance)
    scores = np.empty(lines * samples, dtype=np.float32)
    for start, part in blocks():
        centred = part.astype(np.float64) - mean
        scores[start * samples:start * samples + len(centred)] = np.einsum("ij,ij->i", centred @ inverse, centred)
    np.quantile(scores, 0.995)
    result["score"] = time.perf_counter() - started
result["peakMB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(result))
