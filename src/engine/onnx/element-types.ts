import type { ElementType } from './tensor'

// ONNX TensorProto.DataType codes of the element types that our graphs use.
const codes: Record<ElementType, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11 }
const types = new Map(Object.entries(codes).map(([type, code]) => [code, type as ElementType]))

const names = ['undefined', 'float32', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'string', 'bool', 'float16', 'float64', 'uint32', 'uint64', 'complex64', 'complex128', 'bfloat16']

/** ONNX code of an element type. */
export function onnxTypeOf(type: ElementType): number {
  return codes[type]
}

/** Element type of an ONNX code; undefined for those that our graphs do not use. */
export function elementTypeOf(code: number): ElementType | undefined {
  return types.get(code)
}

/** The element type in which numbers of a file are read: half precision as float32; undefined for what is not supported. */
export function readAs(code: number): ElementType | undefined {
  return code === 10 || code === 16 ? 'float32' : types.get(code)
}

/** What to call an ONNX code in a sentence. */
export function onnxTypeName(code: number): string {
  return names[code] ?? `number ${code}`
}
