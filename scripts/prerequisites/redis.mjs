import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * The Redis server of the tests of batches: {path, message}. In this order: the one named by CUVETTE_REDIS, one on the
 * path, and, where `install` is set, Debian's package when root. path is null without any, and message says what to do.
 */
export function redisForTests({ install = false } = {}) {
  const path = named() ?? onPath() ?? (install ? debianPackage() : null)
  if (path) return { path, message: `Redis for tests: ${path}` }
  return { path: null, message: 'No redis-server was found for the tests of batches over a queue: install it with "sudo apt-get install redis-server" (Debian), or name it in CUVETTE_REDIS.' }
}

function named() {
  const path = process.env.CUVETTE_REDIS
  return path && existsSync(path) ? path : null
}

function onPath() {
  if (process.platform === 'win32') return null
  return (process.env.PATH ?? '').split(delimiter).filter(Boolean).map((folder) => join(folder, 'redis-server')).find(isProgram) ?? null
}

function debianPackage() {
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) return null
  console.error('Installing the package redis-server (apt-get).')
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', 'redis-server']]) {
    spawnSync('/usr/bin/apt-get', words, { stdio: ['ignore', 2, 2], env: environment })
  }
  return onPath()
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
