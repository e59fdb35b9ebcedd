"""Reads paths of ONNX files, one a line; prints one JSON line a file: its path, and what is wrong with it or null."""

import json
import sys

import onnx
from onnx import checker, shape_inference


def problem(path):
    try:
        model = onnx.load(path, load_external_data=False)
        checker.check_model(model)
        inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        checker.check_model(inferred)
    except Exception as error:  # whatever it is, it is the finding
        return f"{type(error).__name__}: {error}"
    stated = {output.name: output.type.tensor_type for output in model.graph.output}
    for output in inferred.graph.output:
        kind = output.type.tensor_type
        if kind.elem_type != stated[output.name].elem_type:
            return f"the output {output.name} is inferred as element type {kind.elem_type}, stated is {stated[output.name].elem_type}"
    return None


for line in sys.stdin:
    print(json.dumps([line.rstrip("\n"), problem(line.rstrip("\n"))]))
