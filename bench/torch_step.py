"""The same training step and scoring in PyTorch.

  {"work": "step" | "one-pass-step" | "score", "rows": N, "chunk": N, "repeats": N}
"""
import torch

from torch_serve import serve

CHANNELS, HIDDEN, REP_DIM, NU = 61, 128, 32, 0.05

torch.manual_seed(1)


class DeepSvdd(torch.nn.Module):
    """Linear(61 -> 128), ReLU, Linear(128 -> 32) without bias, and the radius of the soft boundary."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(CHANNELS, HIDDEN)
        self.embed = torch.nn.Linear(HIDDEN, REP_DIM, bias=False)
        self.radius = torch.nn.Parameter(torch.zeros(()))

        self.register_buffer("centre", torch.full((REP_DIM,), 0.05))

    def embeddings(self, x):
        return self.embed(torch.relu(self.hidden(x)))

    def follow(self, mean):
        self.centre = 0.9 * self.centre + 0.1 * mean

    def loss(self, z):
        """Soft boundary around the centre."""
        squared = torch.nn.functional.softplus(self.radius, beta=10.0).square()
        return squared + torch.relu((z - self.centre).square().sum(dim=1) - squared).mean() / NU


def step(model, optimizer, x, chunk, follow_chunks=False):
    """
    One optimizer step over all rows; the gradients of chunks add up. The centre moves to the mean of the whole batch
    before the loss is taken, which costs chunks a first pass. follow_chunks: it follows each chunk instead, in one
    pass; the gradients are then not those of the whole batch.
    """
    optimizer.zero_grad(set_to_none=True)
    whole = chunk >= len(x)
    if not whole and not follow_chunks:
        with torch.no_grad():
            model.follow(sum(model.embeddings(part).sum(dim=0) for part in x.split(chunk)) / len(x))
    for part in x.split(chunk):
        z = model.embeddings(part)
        if whole or follow_chunks:
            model.follow(z.detach().mean(dim=0))
        (model.loss(z) * (len(part) / len(x))).backward()
    optimizer.step()


def score(model, x, chunk):
    with torch.inference_mode():
        return torch.cat([(model.embeddings(part) - model.centre).square().sum(dim=1) for part in x.split(chunk)])


model = DeepSvdd()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
pixels = {}
works = {
    "step": lambda x, chunk: step(model, optimizer, x, chunk),
    "one-pass-step": lambda x, chunk: step(model, optimizer, x, chunk, follow_chunks=True),
    "score": lambda x, chunk: score(model, x, chunk),
}


def work(request):
    rows = request["rows"]
    if rows not in pixels:
        pixels[rows] = torch.randn(rows, CHANNELS)
    works[request["work"]](pixels[rows], request["chunk"])


serve(work)
