"""The same training step and scoring in PyTorch, as a child of bench/run.mjs.

Reads one JSON request a line from stdin, answers with one JSON line of milliseconds. Staying alive
between requests lets the parent alternate the contestants, so that a busy machine hurts all alike.

  {"work": "step" | "score", "rows": N, "chunk": N, "threads": N, "repeats": N}
"""
import json
import sys
import time

try:
    import torch
except ImportError:
    print(json.dumps({"missing": "torch"}), flush=True)
    sys.exit(0)

CHANNELS, HIDDEN, REP_DIM, NU = 61, 128, 32, 0.05

torch.manual_seed(1)
torch.set_num_interop_threads(1)


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

    def loss(self, x):
        """Soft boundary around a centre that follows the batch; in chunks it follows each chunk, which costs no second pass."""
        z = self.embeddings(x)
        self.centre = 0.9 * self.centre + 0.1 * z.detach().mean(dim=0)
        squared = torch.nn.functional.softplus(self.radius, beta=10.0).square()
        return squared + torch.relu((z - self.centre).square().sum(dim=1) - squared).mean() / NU


def step(model, optimizer, x, chunk):
    """One optimizer step over all rows; the gradients of chunks add up."""
    optimizer.zero_grad(set_to_none=True)
    for start in range(0, len(x), chunk):
        part = x[start : start + chunk]
        (model.loss(part) * (len(part) / len(x))).backward()
    optimizer.step()


def score(model, x, chunk):
    with torch.inference_mode():
        return torch.cat([(model.embeddings(part) - model.centre).square().sum(dim=1) for part in x.split(chunk)])


model = DeepSvdd()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
pixels = {}
works = {
    "step": lambda x, chunk: step(model, optimizer, x, chunk),
    "score": lambda x, chunk: score(model, x, chunk),
}

print(json.dumps({"torch": torch.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    torch.set_num_threads(request["threads"])
    rows = request["rows"]
    if rows not in pixels:
        pixels[rows] = torch.randn(rows, CHANNELS)
    times = []
    for _ in range(request["repeats"]):
        begin = time.perf_counter()
        works[request["work"]](pixels[rows], request["chunk"])
        times.append(1000 * (time.perf_counter() - begin))
    print(json.dumps({"ms": times}), flush=True)
