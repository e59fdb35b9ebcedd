"""The templates of resources/pipelines in PyTorch: the same statistics, losses, optimizer, schedule and validation, then
scores of the whole scene, their quantile, AUC and average precision. The scene is read from the same file each time, and
what was learned is saved. Nothing is streamed: the whole scene lies in memory, which is what a script would do. Epochs,
batch and rates come with the request, from the template, as do the first values of what trains and the order of the
pixels, so that both learn the same; what a network looks like is written here once more.

  {"template": "rx", "cube": path, "mask": path, "lines": H, "samples": W, "wavelengths": [nm],
   "initial": path of a safetensors file | null, "order": path of uint32 [epochs, H * W] | null,
   "trainer": {"epochs", "batch", "unit", "rate", "lowest", "decay"} | null}

A template that is not known here is answered without an AUC: {"auc": null}.
"""
import json
import os
import tempfile

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from torch_serve import serve


def read(path, dtype, pixels):
    return torch.from_numpy(numpy.fromfile(path, dtype).reshape(pixels, -1))


def moments(x):
    """Mean and covariance in float64, in pieces, as statistics of any scene are taken."""
    total, square = torch.zeros(x.shape[1], dtype=torch.float64), torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64)
    for part in x.split(65536):
        part = part.double()
        total += part.sum(dim=0)
        square += part.T @ part
    mean = total / len(x)
    return mean, (square - len(x) * torch.outer(mean, mean)) / (len(x) - 1)


class ZScore(nn.Module):
    def __init__(self, x):
        super().__init__()
        mean, std = x.double().mean(dim=0), x.double().std(dim=0)
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", 1 / (std.float() + 1e-8))

    def forward(self, x):
        return (x - self.mean) * self.scale


class UnitNorm(nn.Module):
    def forward(self, x):
        centred = x - x.mean(dim=1, keepdim=True)
        return centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-8)


class RX(nn.Module):
    def __init__(self, x):
        super().__init__()
        mean, covariance = moments(x)
        covariance += 1e-6 * torch.eye(len(mean), dtype=torch.float64)
        self.register_buffer("mean", mean.float())
        self.register_buffer("whitening", torch.linalg.cholesky(torch.linalg.inv(covariance)).float())

    def forward(self, x):
        return ((x - self.mean) @ self.whitening).square().sum(dim=1)


class PCA(nn.Module):
    def __init__(self, x, kept, whiten=False):
        super().__init__()
        mean, covariance = moments(x)
        values, vectors = torch.linalg.eigh(covariance)
        axes = vectors[:, -kept:] / (values[-kept:] + 1e-6).sqrt() if whiten else vectors[:, -kept:]
        self.register_buffer("mean", mean.float())
        # The signs that cuvette chooses: the largest entry of a direction is positive. Strongest direction first.
        axes = axes.flip(1)
        self.register_buffer("axes", (axes * axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()).float())

    def forward(self, x):
        return (x - self.mean) @ self.axes


class MatchedFilter(nn.Module):
    def __init__(self, x, target):
        super().__init__()
        mean, covariance = moments(x)
        covariance += 1e-6 * covariance.diagonal().mean() * torch.eye(len(mean), dtype=torch.float64)
        whitening = torch.linalg.cholesky(torch.linalg.inv(covariance))
        wanted = (target.double() - mean) @ whitening
        self.register_buffer("mean", mean.float())
        self.register_buffer("filter", (whitening @ wanted / wanted.square().sum()).float())

    def forward(self, x):
        return (x - self.mean) @ self.filter


class SpectralAngle(nn.Module):
    def __init__(self, target):
        super().__init__()
        self.register_buffer("target", F.normalize(target, dim=0))

    def forward(self, x):
        return -torch.acos((F.normalize(x, dim=1) @ self.target).clamp(-1, 1))


class Fourier(nn.Module):
    """Random cosines; never trained."""

    def __init__(self, bands, count):
        super().__init__()
        self.register_buffer("directions", torch.randn(bands, count) * (2 / bands) ** 0.5)
        self.register_buffer("phases", torch.rand(count) * 2 * torch.pi)
        self.factor = (2 / count) ** 0.5

    def forward(self, x):
        return self.factor * torch.cos(x @ self.directions + self.phases)


class Centre(nn.Module):
    """Follows the mean of the embeddings while it trains; no gradient flows through it."""

    def __init__(self, embed, x):
        super().__init__()
        with torch.no_grad():
            self.register_buffer("value", torch.cat([embed(part) for part in x.split(65536)]).mean(dim=0))

    def squared_distance(self, z):
        if self.training:
            self.value = 0.9 * self.value + 0.1 * z.detach().mean(dim=0)
        return (z - self.value).square().sum(dim=1)


class DeepSvdd(nn.Module):
    def __init__(self, before, x, initial, kernel=""):
        super().__init__()
        self.before = before
        self.network = nn.Sequential(nn.Linear(before(x[:2]).shape[1], 128), nn.ReLU(), nn.Linear(128, 32, bias=False))
        take(self.network[0], initial, f"projection.net.{kernel}fc1")
        take(self.network[2], initial, f"projection.net.{kernel}fc2")
        self.radius = nn.Parameter(initial["loss.r_unconstrained"].clone())
        self.centre = Centre(self.embed, x)

    def embed(self, x):
        return self.network(self.before(x))

    def loss(self, x, _targets):
        squared = F.softplus(self.radius, beta=10.0).square()
        return squared + torch.relu(self(x) - squared).mean() / 0.05

    def after_epoch(self, done, epochs):
        pass

    def forward(self, x):
        return self.centre.squared_distance(self.embed(x))


class Logit(nn.Module):
    """Begins where few scores are above it."""

    def __init__(self, scores):
        super().__init__()
        self.scale, self.bias = nn.Parameter(torch.ones(())), nn.Parameter(scores.mean() + 2 * scores.std())

    def forward(self, scores):
        return self.scale * (scores - self.bias)


class Labelled(nn.Module):
    """Cross-entropy of one logit a pixel with the mask."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.tensor(20.0))

    def forward(self, x):
        return self.logit(self.scores(x))

    def loss(self, x, targets):
        return F.binary_cross_entropy_with_logits(self(x), targets, pos_weight=self.weight)

    def after_epoch(self, done, epochs):
        pass


class Mixer(Labelled):
    def __init__(self, x, initial):
        super().__init__()
        self.encoder = PCA(x, 16, whiten=True)
        self.mixer = nn.Linear(16, 3)
        take(self.mixer, initial, "mixer.convs.0")
        self.centre = Centre(self.embed, x)
        self.eval()
        with torch.no_grad():
            self.logit = Logit(torch.cat([self.scores(part) for part in x.split(65536)]))

    def embed(self, x):
        return self.mixer(self.encoder(x))

    def scores(self, x):
        return self.centre.squared_distance(self.embed(x))


class Bands(Labelled):
    """Works on images [B, H * W, C], whose statistics are their own."""

    def __init__(self, x, initial):
        super().__init__()
        self.encoder = ZScore(x)
        self.logits = nn.Parameter(initial["selector.logits"].clone())
        self.temperature = 10.0
        self.eval()
        with torch.no_grad():
            self.logit = Logit(self.scores(x[None]))

    def selection(self):
        if not self.training:
            return F.one_hot(self.logits.argmax(dim=1), self.logits.shape[1]).float()
        uniform = torch.rand_like(self.logits)
        noise = -torch.log(-torch.log(uniform + 1e-6) + 1e-6)
        self.used = torch.softmax((self.logits + noise) / self.temperature, dim=1)
        return self.used

    def scores(self, x):
        z = (self.encoder(x) @ self.selection().T).double()
        centred = z - z.mean(dim=1, keepdim=True)
        covariance = centred.transpose(1, 2) @ centred / (z.shape[1] - 1)
        inverse = torch.linalg.inv(covariance + 1e-6 * torch.eye(z.shape[2], dtype=torch.float64))
        return ((centred @ inverse) * centred).sum(dim=2).float().flatten()

    def loss(self, x, targets):
        loss = super().loss(x, targets.flatten())
        rows = F.normalize(self.used, dim=1)
        first, second = torch.triu_indices(len(rows), len(rows), 1)
        return loss + (rows @ rows.T)[first, second].mean()

    def after_epoch(self, done, epochs):
        self.temperature = 10 * (0.1 / 10) ** (done / epochs)


def take(linear, initial, name):
    with torch.no_grad():
        linear.weight.copy_(initial[f"{name}.weight"].reshape(linear.weight.shape))
        if linear.bias is not None:
            linear.bias.copy_(initial[f"{name}.bias"])


def pixels_of(x, targets, order, batch):
    for part in order.split(batch):
        yield x[part], targets[part]


def tiles_of(x, targets, lines, samples, side, batch):
    """Tiles [B, side * side, C] somewhere in the image, as many as cover it."""
    image, truth = x.view(lines, samples, -1), targets.view(lines, samples)
    count = (lines // side) * (samples // side)
    places = torch.stack([torch.randint(lines - side + 1, (count,)), torch.randint(samples - side + 1, (count,))], dim=1).tolist()
    for start in range(0, count, batch):
        cut = [(slice(line, line + side), slice(sample, sample + side)) for line, sample in places[start : start + batch]]
        yield torch.stack([image[place].reshape(side * side, -1) for place in cut]), torch.stack([truth[place].reshape(-1) for place in cut])


def train(model, x, targets, request):
    trainer, epochs = request["trainer"], request["trainer"]["epochs"]
    orders = torch.from_numpy(numpy.fromfile(request["order"], numpy.int32).reshape(epochs, -1)).long() if request["order"] else None
    optimizer = torch.optim.AdamW(model.parameters(), lr=trainer["rate"], weight_decay=trainer["decay"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, trainer["lowest"])
    for epoch in range(epochs):
        model.train()
        batches = pixels_of(x, targets, orders[epoch], trainer["batch"]) if orders is not None else tiles_of(x, targets, request["lines"], request["samples"], 64, trainer["batch"])
        for pixels, truth in batches:
            optimizer.zero_grad(set_to_none=True)
            model.loss(pixels, truth).backward()
            optimizer.step()
        schedule.step()
        model.after_epoch(epoch + 1, epochs)
        # Every epoch is validated, on the training cube where no other is named, with what the template's metrics state.
        measure(score(model, x), targets)


def score(model, x):
    model.eval()
    with torch.inference_mode():
        return model(x[None]) if isinstance(model, Bands) else torch.cat([model(part) for part in x.split(4096)])


def measure(scores, targets):
    """Area under the ROC curve, average precision, and the counts at the threshold of the quantile, from one sort."""
    threshold = torch.quantile(scores, 0.995)
    flagged = scores >= threshold
    counts = [int((flagged & (targets > 0)).sum()), int((flagged & (targets == 0)).sum())]
    order = scores.argsort(descending=True)
    hits = targets[order] > 0
    found = hits.cumsum(dim=0, dtype=torch.float64)
    total = float(found[-1])
    below = torch.arange(len(scores) - 1, -1, -1, dtype=torch.float64) - (total - found)
    area = float(below[hits].sum() / (total * (len(scores) - total)))
    precision = float((found / torch.arange(1, len(scores) + 1, dtype=torch.float64))[hits].sum() / total)
    return {"auc": area, "average_precision": precision, "counts": counts}


class Shape(nn.Module):
    """450 to 890 nm, unit norm, then standardised."""

    def __init__(self, x, wavelengths):
        super().__init__()
        kept = [index for index, wavelength in enumerate(wavelengths) if 450 <= wavelength <= 890]
        self.bands = slice(kept[0], kept[-1] + 1)
        self.unit = UnitNorm()
        self.standard = ZScore(self.unit(x[:, self.bands]))

    def forward(self, x):
        return self.standard(self.unit(x[:, self.bands]))


def pca_rx(x):
    pca = PCA(x, 12)
    return nn.Sequential(pca, RX(pca(x)))


def rbf(x, initial):
    fourier = Fourier(x.shape[1], 512)
    fourier.directions.copy_(initial["projection.net.0.W"])
    fourier.phases.copy_(initial["projection.net.0.b"])
    return nn.Sequential(ZScore(x), fourier)


# What has a loss is trained. Each is given the pixels [N, C], what is anomalous [N], the wavelengths [C], and first values.
TEMPLATES = {
    "rx": lambda x, *_: RX(x),
    "pca-rx": lambda x, *_: pca_rx(x),
    "matched-filter": lambda x, targets, *_: MatchedFilter(x, x[targets > 0].mean(dim=0)),
    "spectral-angle": lambda x, targets, *_: SpectralAngle(x[targets > 0].mean(dim=0)),
    "deep-svdd": lambda x, _targets, _wavelengths, initial: DeepSvdd(ZScore(x), x, initial),
    "deep-svdd-vnir": lambda x, _targets, wavelengths, initial: DeepSvdd(Shape(x, wavelengths), x, initial),
    "deep-svdd-rbf": lambda x, _targets, _wavelengths, initial: DeepSvdd(rbf(x, initial), x, initial, "1."),
    "channel-mixer": lambda x, _targets, _wavelengths, initial: Mixer(x, initial),
    "concrete-bands": lambda x, _targets, _wavelengths, initial: Bands(x, initial),
}


def tensors_of(path):
    """The float32 tensors of a safetensors file."""
    content = open(path, "rb").read()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    found = {}
    for name, about in header.items():
        if about.get("dtype") == "F32":
            start, end = about["data_offsets"]
            found[name] = torch.from_numpy(numpy.frombuffer(content[8 + size + start : 8 + size + end], numpy.float32).copy().reshape(about["shape"]))
    return found


def work(request):
    if request["template"] not in TEMPLATES:
        return {"auc": None}
    torch.manual_seed(0)
    pixels = request["lines"] * request["samples"]
    x = read(request["cube"], numpy.float32, pixels)
    targets = (read(request["mask"], numpy.uint8, pixels)[:, 0] > 0).float()
    initial = tensors_of(request["initial"]) if request["initial"] else None
    model = TEMPLATES[request["template"]](x, targets, request["wavelengths"], initial)
    if hasattr(model, "loss"):
        train(model, x, targets, request)
    found = measure(score(model, x), targets)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), os.path.join(folder, "state.pt"))
    return found


serve(work)
