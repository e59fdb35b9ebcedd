"""What the PyTorch side of every benchmark shares: a child of bench/run.mjs that reads one JSON request a line from stdin
and answers with one JSON line, the milliseconds of each repeat, those of the processor, and whatever else the work answers. Staying alive between
requests lets the parent alternate the contestants, so that a busy machine hurts all alike.
"""
import json
import sys
import time

import torch

torch.set_num_interop_threads(1)


def uses_reference_blas():
    """Whether matrices are multiplied by the library that is the last resort, some ten times slower than any other; no ratio
    against it says anything. Only Linux shows which library it is."""
    torch.ones(8, 8) @ torch.ones(8, 8)
    try:
        with open("/proc/self/maps") as maps:
            loaded = maps.read()
    except OSError:
        return False
    return "libblas.so" in loaded and not any(name in loaded for name in ("openblas", "mkl_", "blis", "atlas"))


def serve(work):
    """work(request) runs once; {"repeats": N} says how often. Whatever it returns, a dict or None, is passed on."""
    if uses_reference_blas():
        print(json.dumps({"missing": "PyTorch multiplies matrices by the reference BLAS here, far slower than it can (Debian: apt-get install libopenblas0)"}), flush=True)
        return
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        times, processor, more = [], [], None
        for _ in range(request["repeats"]):
            begin, busy = time.perf_counter(), time.process_time()
            more = work(request)
            times.append(1000 * (time.perf_counter() - begin))
            processor.append(1000 * (time.process_time() - busy))
        print(json.dumps({"ms": times, "cpu": processor, **(more or {})}), flush=True)
