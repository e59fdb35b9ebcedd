"""Writes the PyTorch files beside it, with PyTorch itself: python3 write.py"""

from collections import OrderedDict
from pathlib import Path

import torch

folder = Path(__file__).parent
base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
values = [-2.5, 0.0, 1.0, 0.333251953125, 65504.0, float("inf"), 6e-8]
kinds = OrderedDict(
    float32=base,
    float64=torch.tensor([1 / 3, -1e300], dtype=torch.float64),
    float16=torch.tensor(values, dtype=torch.float16),
    bfloat16=torch.tensor([1.5, -3.0e38, 2.0**-126], dtype=torch.bfloat16),
    int64=torch.tensor(2**53 + 1),
    int32=torch.tensor([-(2**31)], dtype=torch.int32),
    int16=torch.tensor([-300, 300], dtype=torch.int16),
    int8=torch.tensor([-128, 127], dtype=torch.int8),
    uint8=torch.tensor([[0, 255]], dtype=torch.uint8),
    bool=torch.tensor([True, False]),
    transposed=base.t(),
    offset=base[1:, 1:3],
    repeated=torch.tensor([[7.0], [8.0]]).expand(2, 3),
    empty=torch.empty(0, 5),
    parameter=torch.nn.Parameter(torch.ones(2)),
    size=torch.Size([2, 3]),
    plain=[None, True, 3, -70000, 2**40, 1.5, "ä", (1, 2), {"a": {}}],
)
torch.save(kinds, folder / "kinds.pt")
torch.save(kinds, folder / "protocol4.pt", pickle_protocol=4)
torch.save({"state_dict": torch.nn.BatchNorm1d(2).state_dict()}, folder / "module.pt")
torch.save(torch.ones(1), folder / "old.pt", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(1, 1), folder / "code.pt")
torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), folder / "script.pt")
