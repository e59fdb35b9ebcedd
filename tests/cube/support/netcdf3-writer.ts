// A small writer of classic NetCDF files, for tests.

export type NcType = 'int8' | 'char' | 'int16' | 'int32' | 'float32' | 'float64'
const CODES: Record<NcType, number> = { int8: 1, char: 2, int16: 3, int32: 4, float32: 5, float64: 6 }
const WIDTHS: Record<NcType, number> = { int8: 1, char: 1, int16: 2, int32: 4, float32: 4, float64: 8 }

export interface NcVariable {
  name: string
  type: NcType
  /** Names of dimensions. */
  axes: string[]
  /** Row-major; of a record variable all records. */
  values: number[]
  attributes?: Record<string, string | number[]>
}

export interface NcFile {
  /** Lengths; 0 is the dimension that may grow. */
  dimensions: Record<string, number>
  variables: NcVariable[]
  records?: number
  /** 64-bit offsets. */
  wide?: boolean
}

export function netCdf3Bytes({ dimensions, variables, records = 0, wide = false }: NcFile): Buffer {
  const names = Object.keys(dimensions)
  const fixed = (variable: NcVariable): number => variable.axes.reduce((product, axis) => product * (dimensions[axis] || 1), WIDTHS[variable.type])
  const isRecord = (variable: NcVariable): boolean => dimensions[variable.axes[0]] === 0
  const growing = variables.filter(isRecord)
  const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4
  const slab = (variable: NcVariable): number => (growing.length === 1 ? fixed(variable) : padded(fixed(variable)))

  const header = (begins: number[]): Buffer => Buffer.concat([
    Buffer.from('CDF'), Buffer.from([wide ? 2 : 1]), word(records),
    list(10, names.map((name) => Buffer.concat([text(name), word(dimensions[name])]))), list(12, []),
    list(11, variables.map((variable, n) => Buffer.concat([
      text(variable.name), word(variable.axes.length), ...variable.axes.map((axis) => word(names.indexOf(axis))),
      list(12, Object.entries(variable.attributes ?? {}).map(([name, value]) => attribute(name, value))),
      word(CODES[variable.type]), word(slab(variable)), wide ? Buffer.concat([word(0), word(begins[n])]) : word(begins[n]),
    ]))),
  ])
  const begins = variables.map(() => 0)
  let end = header(begins).length
  for (const [n, variable] of variables.entries()) {
    if (isRecord(variable)) continue
    begins[n] = end
    end += padded(fixed(variable))
  }
  const firstRecord = end
  for (const [n, variable] of variables.entries()) {
    if (!isRecord(variable)) continue
    begins[n] = end
    end += slab(variable)
  }
  const bytes = Buffer.alloc(firstRecord + records * (end - firstRecord))
  header(begins).copy(bytes)
  for (const [n, variable] of variables.entries()) {
    const perRecord = fixed(variable) / WIDTHS[variable.type]
    variable.values.forEach((value, at) => {
      const record = isRecord(variable) ? Math.floor(at / perRecord) : 0
      put(bytes, begins[n] + record * (end - firstRecord) + (at - record * perRecord) * WIDTHS[variable.type], variable.type, value)
    })
  }
  return bytes
}

function attribute(name: string, value: string | number[]): Buffer {
  if (typeof value === 'string') return Buffer.concat([text(name), word(2), text(value)])
  const bytes = Buffer.alloc(value.length * 8)
  value.forEach((number, n) => bytes.writeDoubleBE(number, 8 * n))
  return Buffer.concat([text(name), word(6), word(value.length), bytes])
}

function list(tag: number, entries: Buffer[]): Buffer {
  return Buffer.concat([word(entries.length === 0 ? 0 : tag), word(entries.length), ...entries])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([word(bytes.length), bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function put(bytes: Buffer, at: number, type: NcType, value: number): void {
  if (type === 'int8' || type === 'char') bytes.writeInt8(value, at)
  else if (type === 'int16') bytes.writeInt16BE(value, at)
  else if (type === 'int32') bytes.writeInt32BE(value, at)
  else if (type === 'float32') bytes.writeFloatBE(value, at)
  else bytes.writeDoubleBE(value, at)
}
