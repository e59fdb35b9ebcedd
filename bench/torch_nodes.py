"""Nodes of the catalogue in plain PyTorch, as one would write them: the inference of one node on an image of random numbers.

  {"node": "RXGlobal", "channels": 61, "side": 256, "wavelengths": [nm], "piece": 4096 | null}

Statistics of the node are made once and kept. With a piece, pixels go through in parts of so many.
"""
import torch
from torch import nn
from torch.nn import functional as F

from torch_serve import serve


def covariance_of(x):
    x = x.double()
    centred = x - x.mean(dim=0)
    return centred.T @ centred / (len(x) - 1)


def bandpass(x, wavelengths):
    kept = torch.tensor([450 <= wavelength <= 800 for wavelength in wavelengths])
    return lambda image: image[..., kept]


def unit_norm(image):
    centred = image - image.mean(dim=-1, keepdim=True)
    return centred / centred.norm(dim=-1, keepdim=True).clamp_min(1e-8)


def zscore_global(x, _):
    mean, std = x.mean(dim=0), x.std(dim=0)
    return lambda image: (image - mean) / (std + 1e-8)


def minmax(x, _):
    low, high = x.min(), x.max()
    return lambda image: (image - low) / (high - low).clamp_min(1e-6)


def zscore_image(image):
    return (image - image.mean(dim=(1, 2), keepdim=True)) / (image.std(dim=(1, 2), keepdim=True, unbiased=False) + 1e-6)


def sigmoid_image(image):
    pixels = image.flatten(1, 2)
    middle = pixels.median(dim=1, keepdim=True).values
    return torch.sigmoid((pixels - middle) / pixels.std(dim=1, keepdim=True, unbiased=False).clamp_min(1e-6))


def pca_global(x, _):
    mean = x.mean(dim=0)
    axes = torch.linalg.eigh(covariance_of(x)).eigenvectors[:, -12:].float()
    return lambda image: (image - mean) @ axes


def pca_image(image):
    pixels = image.flatten(1, 2)
    centred = pixels - pixels.mean(dim=1, keepdim=True)
    wide = centred.double()
    vectors = torch.linalg.eigh(wide.transpose(1, 2) @ wide).eigenvectors[:, :, -3:].float()
    return centred @ vectors


def mixer(channels, sizes):
    layers = []
    for index, (before, after) in enumerate(zip([channels, *sizes], sizes)):
        layers += [nn.LeakyReLU(0.1)] if index else []
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def mixer_minmax(x, _):
    network = mixer(x.shape[1], [3])

    def run(image):
        y = network(image)
        low, high = y.amin(dim=(1, 2), keepdim=True), y.amax(dim=(1, 2), keepdim=True)
        return ((y - low) / (high - low).clamp_min(1e-8)).clamp(0, 1)

    return run


def concrete(x, _):
    weights = F.one_hot(torch.randint(x.shape[1], (3,)), x.shape[1]).float()
    return lambda image: image @ weights.T


def soft(x, _):
    weights = torch.zeros(x.shape[1])
    weights[:5] = 1
    return lambda image: image * weights


def nearest(wavelengths, wanted):
    return (torch.tensor(wavelengths).float()[:, None] - torch.tensor(wanted)).abs().argmin(dim=0)


def picture(image):
    low, high = image.amin(dim=(1, 2), keepdim=True), image.amax(dim=(1, 2), keepdim=True)
    return (image - low) / (high - low).clamp_min(1e-8)


def cir(x, wavelengths):
    bands = nearest(wavelengths, [860.0, 670.0, 560.0])
    return lambda image: picture(image[..., bands])


def ranges(x, wavelengths):
    at = torch.tensor(wavelengths)
    weights = torch.stack([((low <= at) & (at <= high)).float() for low, high in [(580, 650), (500, 580), (420, 500)]], dim=1)
    weights = weights / weights.sum(dim=0).clamp_min(1)
    return lambda image: picture(image @ weights)


def ndvi(x, wavelengths):
    nir, red = nearest(wavelengths, [827.0, 668.0])

    def run(image):
        a, b = image[..., nir], image[..., red]
        total = a + b
        return torch.where(total.abs() > 1e-6, (a - b) / total, torch.zeros(()))

    return run


def svdd(x, _):
    return nn.Sequential(nn.Linear(x.shape[1], 128), nn.ReLU(), nn.Linear(128, 32, bias=False))


def svdd_rbf(x, _):
    directions, phases = torch.randn(x.shape[1], 512) * (2 / x.shape[1]) ** 0.5, torch.rand(512) * 2 * torch.pi
    network = nn.Sequential(nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 32, bias=False))
    return lambda image: network((2 / 512) ** 0.5 * torch.cos(image @ directions + phases))


def rx_global(x, _):
    mean = x.mean(dim=0)
    inverse = torch.linalg.inv(covariance_of(x) + 1e-6 * torch.eye(x.shape[1], dtype=torch.float64)).float()

    def run(image):
        centred = image - mean
        return ((centred @ inverse) * centred).sum(dim=-1, keepdim=True)

    return run


def rx_image(image):
    pixels = image.flatten(1, 2).double()
    centred = pixels - pixels.mean(dim=1, keepdim=True)
    covariance = centred.transpose(1, 2) @ centred / (pixels.shape[1] - 1)
    inverse = torch.linalg.inv(covariance + 1e-6 * torch.eye(pixels.shape[2], dtype=torch.float64))
    return ((centred @ inverse) * centred).sum(dim=-1, keepdim=True).float()


def lad(x, _):
    mean = x.mean(dim=0)
    adjacency = 1 / (1 + ((mean[:, None] - mean) / mean.mean()).square())
    adjacency.fill_diagonal_(0)
    scale = adjacency.sum(dim=1).rsqrt()
    laplacian = scale[:, None] * (adjacency.sum(dim=1).diag() - adjacency) * scale

    def run(image):
        centred = image - mean
        return ((centred @ laplacian) * centred).sum(dim=-1, keepdim=True)

    return run


def quantile(image):
    return image >= torch.quantile(image.flatten(1), 0.995, dim=1)[:, None, None, None]


# Each is given pixels [N, C] and the wavelengths [C], and gives back what maps [B, H, W, C].
NODES = {
    "BandpassByWavelength": bandpass,
    "PerPixelUnitNorm": lambda *_: unit_norm,
    "ZScoreNormalizerGlobal": zscore_global,
    "MinMaxNormalizer": minmax,
    "ZScoreNormalizer": lambda *_: zscore_image,
    "SigmoidNormalizer": lambda *_: sigmoid_image,
    "SigmoidTransform": lambda *_: torch.sigmoid,
    "TrainablePCA": pca_global,
    "PCA": lambda *_: pca_image,
    "LearnableChannelMixer": mixer_minmax,
    "LearnableChannelMixer, deep": lambda x, _: mixer(x.shape[1], [16, 8, 3]),
    "ConcreteBandSelector": concrete,
    "SoftChannelSelector": soft,
    "CIRSelector": cir,
    "RangeAverageFalseRGBSelector": ranges,
    "NDVISelector": ndvi,
    "DeepSVDDProjection": svdd,
    "DeepSVDDProjection, rbf": svdd_rbf,
    "RXGlobal": rx_global,
    "RXPerBatch": lambda *_: rx_image,
    "LADGlobal": lad,
    "ScoreToLogit": lambda *_: lambda image: 1.5 * (image - 0.5),
    "QuantileBinaryDecider": lambda *_: quantile,
    "BinaryDecider": lambda *_: lambda image: torch.sigmoid(image) >= 0.5,
}

image, nodes = {}, {}


def work(request):
    channels, side = request["channels"], request["side"]
    if channels not in image:
        torch.manual_seed(0)
        image[channels] = torch.rand(1, side, side, channels)
    x = image[channels]
    with torch.inference_mode():
        if request["node"] not in nodes:
            nodes[request["node"]] = NODES[request["node"]](x.view(-1, channels), request["wavelengths"])
        run = nodes[request["node"]]
        # The results of all pieces are kept, as those of a whole image are.
        _kept = [run(part) for part in ([x] if request["piece"] is None else x.view(1, 1, -1, channels).split(request["piece"], dim=2))]


serve(work)
