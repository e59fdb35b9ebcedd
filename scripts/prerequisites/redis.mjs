import { installDebianPackage, programNamedBy, programOnPath } from './programs.mjs'

/**
 * The Redis server of the tests of batches: {path, message}. In this order: the one named by CUVETTE_REDIS, one on the
 * path, and, where `install` is set, Debian's package when root. path is null without any, and message says what to do.
 */
export function redisForTests({ install = false } = {}) {
  const path = programNamedBy('CUVETTE_REDIS') ?? onPath() ?? (install ? debianPackage() : null)
  if (path) return { path, message: `Redis for tests: ${path}` }
  return { path: null, message: 'No redis-server was found for the tests of batches over a queue: install it with "sudo apt-get install redis-server" (Debian), or name it in CUVETTE_REDIS.' }
}

function onPath() {
  return programOnPath(['redis-server'])
}

function debianPackage() {
  installDebianPackage('redis-server')
  return onPath()
}
