// npm run setup:cuda: fetches the CUDA part of onnxruntime, which is too large for its npm package.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
const onnxruntime = join(root, 'node_modules', 'onnxruntime-node')
const provider = join(onnxruntime, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so')

try {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`onnxruntime-node offers CUDA only on Linux with x64, and this is ${process.platform} with ${process.arch}; WebGPU or the CPU is used instead.`)
  }
  await ensureInstalled()
  if (existsSync(provider)) {
    console.log(`The CUDA provider is installed already: ${provider}`)
  } else {
    console.log('Downloading the CUDA provider of onnxruntime (some hundred megabytes).')
    const install = spawnSync(process.execPath, [join(onnxruntime, 'script', 'install.js')], {
      cwd: onnxruntime, stdio: 'inherit', env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'cuda12' },
    })
    if (install.status !== 0 || !existsSync(provider)) {
      throw new Error('The CUDA provider could not be downloaded: a network connection to the package host of onnxruntime is needed. Everything works without it, on the CPU.')
    }
    console.log(`Installed: ${provider}`)
    console.log('It needs the NVIDIA driver, CUDA 12 and cuDNN 9 on this machine; the workbench shows which device it uses and why.')
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
