import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deviceReport, devicesInOrder, planDevice, probeDevice, tryInChild } from '../../src/engine/onnx/device'
import { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { runtimeSentence } from '../../src/engine/onnx/runtime-error'
import { openSession } from '../../src/engine/onnx/session'
import type { Session } from '../../src/engine/onnx/session'
import { float32, int64 } from '../../src/engine/onnx/tensor'

function thresholded(): Uint8Array {
  const graph = new Graph()
  const x = graph.input('x', 'float32', ['B', 3])
  const threshold = graph.input('threshold', 'float32', [], float32([], [2]))
  graph.output('sum', graph.op('ReduceSum', [x, graph.constant(int64([1], [1]))], { keepdims: 0 }))
  graph.output('above', graph.op('GreaterOrEqual', [x, threshold]))
  return encodeModel(graph)
}

describe('a session', () => {
  let session: Session
  beforeAll(async () => {
    session = await openSession(thresholded(), 'cpu')
  })
  afterAll(async () => await session.release())
  const x = float32([2, 3], [1, 2, 3, 4, 5, 6])

  it('says what it takes and gives', () => {
    expect(session.inputNames).toEqual(['x', 'threshold'])
    expect(session.outputNames).toEqual(['sum', 'above'])
    expect([...session.defaults]).toEqual([['threshold', float32([], [2])]])
    expect(session.report).toEqual({ device: 'cpu', reason: 'CPU: chosen by the user.' })
  })

  it('uses the default of an input, or what is given for it', async () => {
    expect((await session.run({ x })).above).toEqual({ type: 'bool', shape: [2, 3], data: Uint8Array.of(0, 1, 1, 1, 1, 1) })
    expect((await session.run({ x, threshold: float32([], [5]) })).above.data).toEqual(Uint8Array.of(0, 0, 0, 0, 1, 1))
    expect((await session.run({ x })).above.data).toEqual(Uint8Array.of(0, 1, 1, 1, 1, 1))
  })

  it('computes what is asked for', async () => {
    expect(await session.run({ x }, ['sum'])).toEqual({ sum: float32([2], [6, 15]) })
  })

  it('refuses names and numbers that do not fit, in one sentence', async () => {
    await expect(session.run({})).rejects.toMatchObject({ code: 'bad-argument', where: 'x', message: 'The model needs a value for its input x.' })
    await expect(session.run({ x, y: x })).rejects.toMatchObject({ code: 'bad-argument', message: 'The model has no input y; it has x, threshold.' })
    await expect(session.run({ x }, ['z'])).rejects.toMatchObject({ code: 'bad-argument', message: 'The model has no output z; it has sum, above.' })
    await expect(session.run({ x: float32([2, 4], new Float32Array(8)) })).rejects.toMatchObject({
      code: 'bad-data',
      where: 'x',
      message: 'The input x of the model was given float32 [2, 4]; float32 [B, 3] is expected.',
    })
    await expect(session.run({ x: int64([1, 3], [1, 2, 3]) })).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('was given int64 [1, 3]') })
    await expect(session.run({ x: float32([2, 3], new Float32Array(5)) })).rejects.toMatchObject({ code: 'bad-argument', message: 'The input x holds 5 numbers; its shape [2, 3] needs 6.' })
  })

  it('gives the same bits again', async () => {
    const graph = new Graph()
    const a = graph.input('a', 'float32', ['N', 61])
    const w = graph.initializer('w', float32([61, 32], Float32Array.from({ length: 61 * 32 }, (_, at) => Math.sin(at))))
    graph.output('mean', graph.op('ReduceMean', [graph.op('MatMul', [a, w])], { axes: [0] }))
    const data = Float32Array.from({ length: 5000 * 61 }, (_, at) => Math.cos(at * 0.37))
    const model = encodeModel(graph)
    const results = []
    for (let round = 0; round < 3; round += 1) {
      const opened = await openSession(model, 'cpu')
      results.push((await opened.run({ a: float32([5000, 61], data) })).mean.data)
      await opened.release()
    }
    expect(results[1]).toEqual(results[0])
    expect(results[2]).toEqual(results[0])
  })

  it('says where a run failed', async () => {
    const graph = new Graph()
    const [a, b] = [graph.input('a', 'float32', ['N', 'K']), graph.input('b', 'float32', ['M', 3])]
    graph.output('y', graph.within('scores', () => graph.op('MatMul', [a, b])))
    const opened = await openSession(encodeModel(graph), 'cpu')
    const failed = opened.run({ a: float32([1, 2], [1, 2]), b: float32([3, 3], new Float32Array(9)) })
    await expect(failed).rejects.toMatchObject({ code: 'bad-data', where: 'scores/MatMul_1', message: expect.stringMatching(/^The model could not run at scores\/MatMul_1 \(MatMul\): [^\n]*\.$/) })
    await expect(failed).rejects.toMatchObject({ message: expect.not.stringMatching(/\.cc|onnxruntime::/) })
    await opened.release()
  })

  it('refuses to run after its release, and may be released twice', async () => {
    const opened = await openSession(thresholded(), 'cpu', { threads: 1 })
    await opened.release()
    await opened.release()
    await expect(opened.run({ x })).rejects.toMatchObject({ code: 'internal' })
  })

  it('refuses bytes that are not a model', async () => {
    await expect(openSession(Uint8Array.of(1, 2, 3), 'cpu')).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringMatching(/^The model could not be loaded: [^\n]*\.$/) })
    await expect(openSession(thresholded().slice(0, 60), 'auto')).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})

describe('sentences of the runtime', () => {
  it.each([
    ['/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter was false. Failed to get a WebGPU adapter: No supported adapters\n', 'adapter was false. Failed to get a WebGPU adapter: No supported adapters'],
    ["Non-zero status code returned while running MatMul node. Name:'m' Status Message: matmul_helper.h:142 Compute left operand cannot broadcast on dim 1", 'left operand cannot broadcast on dim 1'],
    ['[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Protobuf parsing failed.', 'Protobuf parsing failed'],
    ['', 'no reason was given'],
  ])('%s', (text, expected) => {
    expect(runtimeSentence(new Error(text))).toBe(expected)
  })
})

describe('devices', () => {
  it('are tried best first', () => {
    expect(devicesInOrder('linux')).toEqual(['cuda', 'webgpu', 'cpu'])
    expect(devicesInOrder('win32')).toEqual(['cuda', 'webgpu', 'dml', 'cpu'])
    expect(devicesInOrder('darwin')).toEqual(['cuda', 'webgpu', 'coreml', 'cpu'])
  })

  it('auto runs on one of them and says why on no better one', async () => {
    const { candidates, passedOver } = await planDevice('auto')
    expect([...candidates, ...passedOver.map(({ device }) => device)].sort()).toEqual(devicesInOrder().sort())
    expect(candidates.at(-1)).toBe('cpu')
    const report = await probeDevice('auto')
    expect(report.device).toBe(candidates[0])
    for (const { because } of passedOver.filter(({ device }) => devicesInOrder().indexOf(device) < devicesInOrder().indexOf(report.device))) expect(report.reason).toContain(because)
    const session = await openSession(thresholded(), 'auto')
    expect(session.outputNames).toEqual(['sum', 'above'])
    await session.release()
  })

  it('explain themselves in one sentence', () => {
    const passedOver = [
      { device: 'cuda' as const, because: 'libonnxruntime_providers_cuda.so is not installed (npm run setup:cuda)' },
      { device: 'webgpu' as const, because: 'no graphics adapter was found' },
    ]
    expect(deviceReport('cpu', 'auto', passedOver).reason).toBe(
      'CPU: CUDA is not usable because libonnxruntime_providers_cuda.so is not installed (npm run setup:cuda); WebGPU is not usable because no graphics adapter was found.',
    )
    expect(deviceReport('cuda', 'auto', []).reason).toBe('CUDA: the best device of this machine.')
  })

  it('that the user named and that do not work are an error, never something else', async () => {
    const other = process.platform === 'win32' ? 'coreml' : 'dml'
    await expect(probeDevice(other)).rejects.toMatchObject({ code: 'device-unavailable', where: other })
    await expect(openSession(thresholded(), other)).rejects.toMatchObject({ code: 'device-unavailable', message: expect.stringMatching(/^The device \w+ cannot be used: .*choose another device, or auto\.$/) })
  })

  describe('with a driver that', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'cuvette-device-'))
    })
    afterAll(async () => await rm(folder, { recursive: true, force: true }))
    const runtimeThat = async (name: string, create: string): Promise<string> => {
      const path = join(folder, `${name}.cjs`)
      await writeFile(path, `module.exports = { env: {}, Tensor: class {}, InferenceSession: { create: async () => { ${create} } } }`)
      return path
    }

    it('ends the process is reported', async () => {
      expect(await tryInChild('webgpu', await runtimeThat('crash', 'process.kill(process.pid, "SIGSEGV")'), 10_000)).toEqual({ usable: false, because: 'its driver ended the trial process (SIGSEGV)' })
    })

    it('hangs is given up', async () => {
      expect(await tryInChild('webgpu', await runtimeThat('hang', 'for (;;) {}'), 300)).toEqual({ usable: false, because: 'a trial did not answer within 0.3 s' })
    })

    it('computes wrong numbers is not used', async () => {
      expect(await tryInChild('cuda', await runtimeThat('wrong', 'return { run: async () => ({ y: { data: [0, 2, 0, 5] } }) }'), 10_000)).toEqual({ usable: false, because: 'it computes wrong numbers' })
    })

    it('fails with a message is quoted', async () => {
      expect(await tryInChild('cuda', await runtimeThat('fails', 'throw new Error("Out of memory.")'), 10_000)).toEqual({ usable: false, because: 'out of memory' })
    })
  })
})
