import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readTorchArchive } from '../../src/engine/files/torch-archive'
import type { TorchTensor, TorchValue } from '../../src/engine/files/torch-archive'
import { OrderedDict, writeTorchArchive } from '../../src/engine/files/write-torch-archive'
import type { WritableTorchValue } from '../../src/engine/files/write-torch-archive'
import { readZip, writeZip } from '../../src/engine/files/zip'
import { CuvetteError } from '../../src/shared/problem'

// The files in torch/ were written by PyTorch 1.13 with write.py beside them.
const file = (name: string): Uint8Array => readFileSync(join(import.meta.dirname, 'torch', name))

function numbers(value: TorchValue | undefined): unknown[] {
  const { dtype, shape, data } = value as TorchTensor
  return [dtype, shape, Array.from(data as Iterable<number | bigint>)]
}

/** The sentence of a refusal. */
function refusal(bytes: Uint8Array): string {
  try {
    readTorchArchive(bytes, 'x.pt')
  } catch (error) {
    if (error instanceof CuvetteError) {
      expect(error).toMatchObject({ code: 'bad-artifact', path: 'x.pt' })
      return error.message
    }
    throw error
  }
  throw new Error('Nothing was refused.')
}

/** An archive around a pickle in Latin-1. */
function around(pickle: string, storages: Record<string, Uint8Array> = {}, others: Record<string, string> = {}): Uint8Array {
  return writeZip([
    { name: 'x/data.pkl', content: Buffer.from(pickle, 'latin1') },
    ...Object.entries(storages).map(([key, content]) => ({ name: `x/data/${key}`, content })),
    ...Object.entries(others).map(([name, content]) => ({ name: `x/${name}`, content: Buffer.from(content) })),
  ])
}

const short = (text: string): string => `\x8c${String.fromCharCode(text.length)}${text}`
const storage = (key: string, count: string, kind = 'Float'): string => `(${short('storage')}ctorch\n${kind}Storage\n${short(key)}${short('cpu')}${count}tQ`
const tensor = (from: string, offset: string, shape: string, strides: string): string => `ctorch._utils\n_rebuild_tensor_v2\n(${from}${offset}(${shape}t(${strides}t\x89)tR`

describe('PyTorch files', () => {
  it.each(['kinds.pt', 'protocol4.pt'])('%s: every element type, strides, offsets and plain values', (name) => {
    const value = readTorchArchive(file(name), name) as Map<string, TorchValue>
    const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    expect(numbers(value.get('float32'))).toEqual(['float32', [3, 4], rows])
    expect(numbers(value.get('float64'))).toEqual(['float64', [2], [1 / 3, -1e300]])
    expect(numbers(value.get('float16'))).toEqual(['float16', [7], [-2.5, 0, 1, 0.333251953125, 65504, Infinity, 2 ** -24]])
    expect(numbers(value.get('bfloat16'))).toEqual(['bfloat16', [3], [1.5, -3.00405527047391e38, 2 ** -126]])
    expect(numbers(value.get('int64'))).toEqual(['int64', [], [2n ** 53n + 1n]])
    expect(numbers(value.get('int32'))).toEqual(['int32', [1], [-(2 ** 31)]])
    expect(numbers(value.get('int16'))).toEqual(['int16', [2], [-300, 300]])
    expect(numbers(value.get('int8'))).toEqual(['int8', [2], [-128, 127]])
    expect(numbers(value.get('uint8'))).toEqual(['uint8', [1, 2], [0, 255]])
    expect(numbers(value.get('bool'))).toEqual(['bool', [2], [1, 0]])
    expect(numbers(value.get('transposed'))).toEqual(['float32', [4, 3], [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]])
    expect(numbers(value.get('offset'))).toEqual(['float32', [2, 2], [5, 6, 9, 10]])
    expect(numbers(value.get('repeated'))).toEqual(['float32', [2, 3], [7, 7, 7, 8, 8, 8]])
    expect(numbers(value.get('empty'))).toEqual(['float32', [0, 5], []])
    expect(numbers(value.get('parameter'))).toEqual(['float32', [2], [1, 1]])
    expect(value.get('size')).toEqual([2, 3])
    expect(value.get('plain')).toEqual([null, true, 3, -70000, 2 ** 40, 1.5, 'ä', [1, 2], new Map([['a', new Map()]])])
  })

  it('a state_dict with the versions of its modules', () => {
    const value = readTorchArchive(file('module.pt'), 'module.pt') as Map<string, Map<string, TorchValue>>
    expect([...(value.get('state_dict') ?? [])].map(([name, one]) => [name, ...numbers(one).slice(0, 2)])).toEqual([
      ['weight', 'float32', [2]], ['bias', 'float32', [2]], ['running_mean', 'float32', [2]], ['running_var', 'float32', [2]], ['num_batches_tracked', 'int64', []],
    ])
  })

  it('big-endian numbers', () => {
    const pickle = `\x80\x02${tensor(storage('0', 'K\x02'), 'K\x00', 'K\x02', 'K\x01')}.`
    const big = around(pickle, { 0: Uint8Array.of(0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0) }, { byteorder: 'big' })
    expect(numbers(readTorchArchive(big, 'x.pt'))).toEqual(['float32', [2], [1, -2]])
  })

  it.each([
    ['an object of a class', file('code.pt'), /refers to torch\.nn\.modules\.linear\.Linear, and only tensors and plain containers are read; nothing of it was executed\.$/],
    ['a program', file('script.pt'), /is a TorchScript program/],
    ['the form before 1.6', file('old.pt'), /has the form of PyTorch before 1\.6; load it there/],
    ['nothing', new Uint8Array(0), /is empty\.$/],
    ['another file', Buffer.from('hello world'), /is no archive that torch\.save writes\.$/],
    ['an archive of something else', writeZip([{ name: 'a.txt', content: new Uint8Array(3) }]), /has no data\.pkl/],
    ['a command', around('cos\nsystem\n(X\x04\0\0\0true tR.'), /refers to os\.system,/],
    ['a command by newer instructions', around(`\x80\x04${short('posix')}${short('system')}\x93.`), /refers to posix\.system,/],
    ['an object made by NEWOBJ', around('\x80\x02ccollections\nOrderedDict\n)\x81.'), /has the instruction 0x81 at byte 28,/],
    ['a call of a storage type', around('\x80\x02ctorch\nFloatStorage\n)R.'), /calls something that is no function/],
    ['the state of a list', around('\x80\x02]}b.'), /sets the state of something that is no dictionary/],
    ['a missing storage', around(`\x80\x02${tensor(storage('7', 'K\x01'), 'K\x00', '', '')}.`), /storage data\/7 is missing/],
    ['a short storage', around(`\x80\x02${tensor(storage('0', 'K\x02'), 'K\x00', 'K\x02', 'K\x01')}.`, { 0: new Uint8Array(4) }), /has 4 bytes, expected 2 numbers of 4/],
    ['a tensor beyond its storage', around(`\x80\x02${tensor(storage('0', 'K\x02'), 'K\x01', 'K\x02', 'K\x01')}.`, { 0: new Uint8Array(8) }), /a tensor \[2\] reaches beyond its storage of 2 numbers/],
    ['a tensor of billions from one number', around(`\x80\x02${tensor(storage('0', 'K\x01'), 'K\x00', 'J\xff\xff\xff\x7fK\x01', 'K\x00K\x00')}.`, { 0: new Uint8Array(4) }), /far more elements than its storages/],
    ['a negative stride', around(`\x80\x02${tensor(storage('0', 'K\x02'), 'K\x01', 'K\x02', 'J\xff\xff\xff\xff')}.`, { 0: new Uint8Array(8) }), /in a form that PyTorch does not write/],
    ['a list inside itself', around('\x80\x02]q\x00h\x00a.'), /larger or deeper than those of a state_dict/],
    ['lists that double at each level', around(`\x80\x02]q\x000${Array.from({ length: 30 }, (_, level) => `](h${String.fromCharCode(level)}h${String.fromCharCode(level)}eq${String.fromCharCode(level + 1)}0`).join('')}h\x1e.`), /larger or deeper than those of a state_dict/],
    ['nesting without end', around(`\x80\x02${']'.repeat(100_000)}${'a'.repeat(99_999)}.`), /larger or deeper than those of a state_dict/],
    ['a cut pickle', around('\x80\x02}(X\xff\xff\xff\xff'), /is cut off/],
    ['an empty pickle', around(''), /is cut off/],
    ['a stack that runs out', around('\x80\x02a.'), /use a value that is not there/],
    ['a value that was never stored', around('\x80\x02h\x05.'), /use a value that was not stored/],
    ['protocol 0', around('\x80\x00N.'), /has the protocol 0; 2 to 5 are expected/],
    ['a byte order nobody has', around('\x80\x02N.', {}, { byteorder: 'middle' }), /byte order is "middle"/],
    ['a damaged storage', changedStorage(), /damaged \(its check sum differs\)/],
  ])('%s: one sentence', (_what, bytes, message) => {
    expect(refusal(bytes)).toMatch(message)
    expect(refusal(bytes)).toMatch(/^The (PyTorch file|archive) x\.pt .*\.$/)
  })

  it('never crash, hang or execute, whatever bytes come', () => {
    const either = (bytes: Uint8Array): void => {
      try {
        readTorchArchive(bytes, 'x.pt')
      } catch (error) {
        expect(error).toBeInstanceOf(CuvetteError)
      }
    }
    for (const name of ['kinds.pt', 'protocol4.pt', 'module.pt']) {
      const bytes = file(name)
      const zip = readZip(bytes, name)
      const entries = [...zip.values()].map((entry) => ({ name: entry.name, content: entry.read() }))
      const pickle = entries.find((entry) => entry.name.endsWith('data.pkl'))?.content ?? new Uint8Array()
      const changes = (length: number) => fc.array(fc.tuple(fc.nat(length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      fc.assert(fc.property(changes(bytes.length), (list) => {
        either(changed(bytes, list))
      }), { seed: 1, numRuns: 150 })
      // Behind the check sums: the pickle itself.
      fc.assert(fc.property(changes(pickle.length), (list) => {
        either(writeZip(entries.map((entry) => (entry.name.endsWith('data.pkl') ? { ...entry, content: changed(pickle, list) } : entry))))
      }), { seed: 2, numRuns: 250 })
      for (let length = 0; length < pickle.length; length += 13) either(writeZip(entries.map((entry) => (entry.name.endsWith('data.pkl') ? { ...entry, content: pickle.subarray(0, length) } : entry))))
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (random) => either(writeZip([{ name: 'x/data.pkl', content: random }]))), { seed: 3, numRuns: 300 })
  })
})

describe('written PyTorch files', () => {
  const value = (): Map<string, WritableTorchValue> => new Map<string, WritableTorchValue>([
    ['state_dict', new Map([
      ['encoder', new OrderedDict(new Map([['zscore_mean', { type: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }], ['steps', { type: 'int64', shape: [], data: BigInt64Array.of(3n) }]]))],
      ['cube', new OrderedDict(new Map())],
    ])],
    ['metadata', new Map<string, WritableTorchValue>([['name', 'ä'], ['tags', ['a', 'b']], ['numbers', [1, -5, 2.5, 3e10, true, null]]])],
  ])

  it('have the entries that PyTorch looks for, numbers at multiples of 64 bytes', () => {
    const bytes = writeTorchArchive(value(), 'stem')
    const zip = readZip(bytes, 'x.pt')
    expect([...zip.keys()]).toEqual(['stem/data.pkl', 'stem/byteorder', 'stem/data/0', 'stem/data/1', 'stem/version'])
    expect(Buffer.from(zip.get('stem/version')?.read() ?? []).toString()).toBe('3\n')
    expect(new Float32Array(zip.get('stem/data/0')?.read().buffer ?? new ArrayBuffer(0))).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6))
    expect(Buffer.from(bytes).indexOf(Buffer.from(Float32Array.of(1, 2, 3).buffer)) % 64).toBe(0)
    const pickle = Buffer.from(zip.get('stem/data.pkl')?.read() ?? []).toString('latin1')
    expect(pickle.startsWith('\x80\x02}(')).toBe(true)
    expect([...pickle.matchAll(/c(collections|torch[.\w]*)\n(\w+)\n/g)].map(([, module, name]) => `${module}.${name}`).filter((name, at, all) => all.indexOf(name) === at)).toEqual(['collections.OrderedDict', 'torch._utils._rebuild_tensor_v2', 'torch.FloatStorage', 'torch.LongStorage'])
    expect(writeTorchArchive(value(), 'stem')).toEqual(bytes)
  })

  it('are read again as they were', () => {
    const read = readTorchArchive(writeTorchArchive(value(), 'stem'), 'x.pt') as Map<string, Map<string, Map<string, TorchValue>>>
    expect([...read.keys()]).toEqual(['state_dict', 'metadata'])
    const encoder = read.get('state_dict')?.get('encoder')
    expect(numbers(encoder?.get('zscore_mean'))).toEqual(['float32', [2, 3], [1, 2, 3, 4, 5, 6]])
    expect(numbers(encoder?.get('steps'))).toEqual(['int64', [], [3n]])
    expect(read.get('state_dict')?.get('cube')).toEqual(new Map())
    expect(read.get('metadata')).toEqual(new Map<string, unknown>([['name', 'ä'], ['tags', ['a', 'b']], ['numbers', [1, -5, 2.5, 3e10, true, null]]]))
  })
})

function changed(bytes: Uint8Array, list: readonly (readonly [number, number])[]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (const [at, value] of list) copy[at] = value
  return copy
}

function changedStorage(): Uint8Array {
  const bytes = Uint8Array.from(file('kinds.pt'))
  const at = Buffer.from(bytes).indexOf(Buffer.from(Float32Array.of(1, 2, 3, 4, 5).buffer))
  bytes[at] = 9
  return bytes
}
