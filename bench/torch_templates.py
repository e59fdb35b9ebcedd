"""Every template of resources/pipelines in PyTorch: the same statistics, losses, optimizer and schedule, then scores of
the whole scene, their quantile and their AUC. The scene is read from the same file each time, and what was learned is
saved. Nothing is streamed: the whole scene lies in memory, which is what a script would do. Epochs, batch and rates come
with the request, from the template; what a network looks like is written here once more.

  {"template": "rx", "cube": path, "mask": path, "pixels": N, "wavelengths": [nm], "trainer": {"epochs", "batch", "rate", "decay"}}

A template that is not known here is answered without an AUC: {"auc": null}.
"""
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
    def __init__(self, x, kept):
        super().__init__()
        mean, covariance = moments(x)
        _, vectors = torch.linalg.eigh(covariance)
        self.register_buffer("mean", mean.float())
        self.register_buffer("axes", vectors[:, -kept:].float())

    def forward(self, x):
        return (x - self.mean) @ self.axes


class Fourier(nn.Module):
    """Random cosines; never trained."""

    def __init__(self, bands, count):
        super().__init__()
        self.register_buffer("directions", torch.randn(bands, count) * (2 / bands) ** 0.5)
        self.register_buffer("phases", torch.rand(count) * 2 * torch.pi)
        self.factor = (2 / count) ** 0.5

    def forward(self, x):
        return self.factor * torch.cos(x @ self.directions + self.phases)


class DeepSvdd(nn.Module):
    def __init__(self, before, network, x):
        super().__init__()
        self.before, self.network = before, network
        self.radius = nn.Parameter(torch.zeros(()))
        with torch.no_grad():
            self.register_buffer("centre", torch.cat([self.embed(part) for part in x.split(65536)]).mean(dim=0))

    def embed(self, x):
        return self.network(self.before(x))

    def loss(self, x, _targets):
        z = self.embed(x)
        self.centre = 0.9 * self.centre + 0.1 * z.detach().mean(dim=0)
        squared = F.softplus(self.radius, beta=10.0).square()
        return squared + torch.relu((z - self.centre).square().sum(dim=1) - squared).mean() / 0.05

    def after_epoch(self, done, epochs):
        pass

    def forward(self, x):
        return (self.embed(x) - self.centre).square().sum(dim=1)


class Labelled(nn.Module):
    """Channels in, one logit out, cross-entropy with the mask."""

    def __init__(self, x, kept):
        super().__init__()
        self.encoder = ZScore(x)
        self.reduce = self.reduction(x.shape[1], kept)
        self.head = nn.Sequential(nn.Linear(kept, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.LeakyReLU(0.2))
        self.scale, self.bias = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))
        self.register_buffer("weight", torch.tensor(20.0))
        # The logit's bias begins where few scores are above it.
        with torch.no_grad():
            scores = torch.cat([self.head(self.reduce(self.encoder(part))) for part in x.split(65536)])
            self.bias.copy_(scores.mean() + 2 * scores.std())

    def reduction(self, channels, kept):
        return nn.Sequential(nn.Linear(channels, kept), nn.LeakyReLU(0.2))

    def forward(self, x):
        return self.scale * (self.head(self.reduce(self.encoder(x)))[:, 0] - self.bias)

    def loss(self, x, targets):
        return F.binary_cross_entropy_with_logits(self(x), targets, pos_weight=self.weight)

    def after_epoch(self, done, epochs):
        pass


class Selector(nn.Module):
    def __init__(self, channels, kept):
        super().__init__()
        self.logits = nn.Parameter(0.01 * torch.randn(kept, channels))
        self.temperature = 10.0

    def weights(self):
        if not self.training:
            return F.one_hot(self.logits.argmax(dim=1), self.logits.shape[1]).float()
        uniform = torch.rand_like(self.logits)
        noise = -torch.log(-torch.log(uniform + 1e-6) + 1e-6)
        self.used = torch.softmax((self.logits + noise) / self.temperature, dim=1)
        return self.used

    def forward(self, x):
        return x @ self.weights().T


class Bands(Labelled):
    def reduction(self, channels, kept):
        return Selector(channels, kept)

    def loss(self, x, targets):
        loss = super().loss(x, targets)
        rows = F.normalize(self.reduce.used, dim=1)
        first, second = torch.triu_indices(len(rows), len(rows), 1)
        return loss + (rows @ rows.T)[first, second].mean()

    def after_epoch(self, done, epochs):
        self.reduce.temperature = 10 * (0.1 / 10) ** (done / epochs)


def network(channels):
    return nn.Sequential(nn.Linear(channels, 128), nn.ReLU(), nn.Linear(128, 32, bias=False))


def train(model, x, targets, trainer):
    epochs = trainer["epochs"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=trainer["rate"], weight_decay=trainer["decay"])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        for part in torch.randperm(len(x)).split(trainer["batch"]):
            optimizer.zero_grad(set_to_none=True)
            model.loss(x[part], targets[part]).backward()
            optimizer.step()
        schedule.step()
        model.after_epoch(epoch + 1, epochs)
        # Cuvette validates every epoch on the training cube where no other is named.
        score(model, x)


def score(model, x):
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(part) for part in x.split(4096)])


def area(scores, targets):
    """ROC area from ranks."""
    ranks = torch.empty(len(scores), dtype=torch.float64)
    ranks[scores.argsort()] = torch.arange(1, len(scores) + 1, dtype=torch.float64)
    positive = targets > 0
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


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


def rbf(x):
    return nn.Sequential(ZScore(x), Fourier(x.shape[1], 512))


def svdd(before, x):
    return DeepSvdd(before, network(before(x[:2]).shape[1]), x)


# What has a loss is trained. Each is given the pixels [N, C] and the wavelengths [C].
TEMPLATES = {
    "rx": lambda x, _wavelengths: RX(x),
    "pca-rx": lambda x, _wavelengths: pca_rx(x),
    "deep-svdd": lambda x, _wavelengths: svdd(ZScore(x), x),
    "deep-svdd-vnir": lambda x, wavelengths: svdd(Shape(x, wavelengths), x),
    "deep-svdd-rbf": lambda x, _wavelengths: svdd(rbf(x), x),
    "channel-mixer": lambda x, _wavelengths: Labelled(x, 3),
    "concrete-bands": lambda x, _wavelengths: Bands(x, 4),
}


def work(request):
    if request["template"] not in TEMPLATES:
        return {"auc": None}
    torch.manual_seed(0)
    x = read(request["cube"], numpy.float32, request["pixels"])
    targets = (read(request["mask"], numpy.uint8, request["pixels"])[:, 0] > 0).float()
    model = TEMPLATES[request["template"]](x, request["wavelengths"])
    if hasattr(model, "loss"):
        train(model, x, targets, request["trainer"])
    scores = score(model, x)
    torch.quantile(scores, 0.995)
    found = area(scores, targets)
    with tempfile.TemporaryDirectory() as folder:
        torch.save(model.state_dict(), os.path.join(folder, "state.pt"))
    return {"auc": found}


serve(work)
