import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isWithin } from '../../src/engine/files/within'
import { Grants } from '../../src/workbench/grants'
import { temporaryFolder } from './fake-host'

const refuse = async () => false

describe('Grants', () => {
  it('allows a granted folder with everything below it, and nothing else', async () => {
    const root = await temporaryFolder()
    await mkdir(join(root, 'project', 'deep'), { recursive: true })
    await mkdir(join(root, 'project-two'))
    await writeFile(join(root, 'project', 'deep', 'a.hdr'), '')
    await writeFile(join(root, 'secret'), '')
    const grants = new Grants(refuse, null)
    await grants.grant(join(root, 'project'))
    expect(await grants.allows(join(root, 'project'))).toBe(true)
    expect(await grants.allows(join(root, 'project', 'deep', 'a.hdr'))).toBe(true)
    expect(await grants.allows(join(root, 'project', 'not', 'there', 'yet'))).toBe(true)
    for (const path of [root, join(root, 'secret'), join(root, 'project-two'), `${join(root, 'project')}${sep}..${sep}secret`, '/etc/passwd']) {
      expect(await grants.allows(path), path).toBe(false)
    }
  })

  it('allows a granted file alone', async () => {
    const root = await temporaryFolder()
    await writeFile(join(root, 'a.mat'), '')
    await writeFile(join(root, 'b.mat'), '')
    const grants = new Grants(refuse, null)
    await grants.grant(join(root, 'a.mat'))
    expect(await grants.allows(join(root, 'a.mat'))).toBe(true)
    expect(await grants.allows(join(root, 'b.mat'))).toBe(false)
    expect(await grants.allows(root)).toBe(false)
  })

  it('follows links on both sides', async () => {
    const root = await temporaryFolder()
    await mkdir(join(root, 'granted'))
    await writeFile(join(root, 'outside'), '')
    await symlink(join(root, 'outside'), join(root, 'granted', 'way-out'))
    await symlink(join(root, 'not-there'), join(root, 'granted', 'dangling'))
    await symlink(join(root, 'granted', 'loop'), join(root, 'granted', 'loop'))
    await symlink(join(root, 'granted'), join(root, 'alias'))
    const grants = new Grants(refuse, null)
    await grants.grant(join(root, 'alias'))
    expect(await grants.allows(join(root, 'granted', 'inside'))).toBe(true)
    expect(await grants.allows(join(root, 'granted', 'way-out'))).toBe(false)
    expect(await grants.allows(join(root, 'granted', 'dangling'))).toBe(false)
    expect(await grants.allows(join(root, 'granted', 'dangling', 'file'))).toBe(false)
    await expect(grants.allows(join(root, 'granted', 'loop'))).rejects.toMatchObject({ code: 'missing-file' })
  })

  it('asks the person for anything else, refuses with a code, and keeps an answer that allows', async () => {
    const root = await temporaryFolder()
    await writeFile(join(root, 'a.hdr'), '')
    let answer = false
    const asked: string[] = []
    const grants = new Grants(async (path) => {
      asked.push(path)
      return answer
    }, null)
    await expect(grants.require(join(root, 'a.hdr'))).rejects.toMatchObject({ code: 'not-granted', path: join(root, 'a.hdr') })
    answer = true
    expect(await grants.require(join(root, 'a.hdr'))).toBe(join(root, 'a.hdr'))
    expect(await grants.require(join(root, 'a.hdr'))).toBe(join(root, 'a.hdr'))
    expect(asked).toHaveLength(2)
  })

  it('refuses relative paths, and knows the home folder', async () => {
    const grants = new Grants(async () => true, null)
    await expect(grants.require('scene.hdr')).rejects.toMatchObject({ code: 'bad-argument' })
    await expect(grants.require('../scene.hdr')).rejects.toMatchObject({ code: 'bad-argument' })
    expect(await grants.require('~/scene.hdr')).toBe(join(homedir(), 'scene.hdr'))
  })

  it('remembers what it is told to, across sessions', async () => {
    const root = await temporaryFolder()
    const recent = join(root, 'home', 'recent.json')
    const first = new Grants(refuse, recent)
    await first.grant(join(root, 'b.hdr'))
    await first.remember(join(root, 'a.hdr'))
    const second = new Grants(refuse, recent)
    await second.boot()
    expect(await second.allows(join(root, 'a.hdr'))).toBe(true)
    expect(await second.allows(join(root, 'b.hdr'))).toBe(false)
  })

  it('sets a damaged list aside', async () => {
    const root = await temporaryFolder()
    const recent = join(root, 'recent.json')
    await writeFile(recent, '{"paths": [1]}')
    const grants = new Grants(refuse, recent)
    await grants.boot()
    await grants.remember(join(root, 'a.hdr'))
    expect(JSON.parse(await readFile(recent, 'utf8'))).toEqual({ paths: [join(root, 'a.hdr')] })
  })
})

it('isWithin compares paths, not letters', () => {
  expect(isWithin('/a/b', '/a/b/c')).toBe(true)
  expect(isWithin('/a/b', '/a/b')).toBe(true)
  expect(isWithin('/a/b', '/a/b..c')).toBe(false)
  expect(isWithin('/a/b', '/a/b/..c')).toBe(true)
  expect(isWithin('/a/b', '/a')).toBe(false)
  expect(isWithin('/a/b', '/a/bc')).toBe(false)
  expect(isWithin('/', '/etc')).toBe(true)
})
