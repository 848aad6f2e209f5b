"""Legalised models compute what onnxruntime computes."""

import sys

import numpy as np
import execute
from safetensors.numpy import load_file


def main(libraries, folders):
    for folder in folders:
        path = f"{folder}/model.onnx"
        session = execute.session(path)
        data = load_file(f"{folder}/data.safetensors")
        names = [i.name for i in session.get_inputs()]
        inputs = [data[name][:session.get_inputs()[0].shape[0]] for name in names]
        want = session.run(None, dict(zip(names, inputs)))[0]
        got, = execute.forward(path, inputs, libraries)
        difference = np.abs(got - want.ravel()).max()
        print(f"{folder}: {want.size} logits, greatest difference {difference:.1e}")
        assert difference < 1e-4


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
