/** Every fuzz target, as tests/fuzz/targets.ts has them; tests/fuzz/fuzz.test.ts holds both lists together. */
export const targetNames = ['envi-header', 'envi-header-edit', 'cube-corrections', 'mask-classes', 'wavelength-text', 'envi-mask', 'npy', 'npz', 'lan', 'png-mask', 'coco-mask', 'matlab5', 'safetensors', 'torch-archive', 'checkpoint', 'onnx-model', 'optimizer-model', 'pipeline-document']
