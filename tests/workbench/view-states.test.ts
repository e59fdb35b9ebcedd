import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startBench, temporaryFolder } from './fake-host'

describe('view states', () => {
  it('are kept in the project by part, and are there again', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root })
    expect(await first.call('views.get', {})).toEqual({})
    await first.call('views.set', { part: 'layout', state: { wide: [1, 'two', null] } })
    await first.call('views.set', { part: 'camera', state: 5 })
    await first.call('views.set', { part: 'camera', state: 6 })
    const { folder } = (await first.call('session.info', {})).project
    await first.workbench.shutdown()
    expect(JSON.parse(await readFile(join(folder, 'views.json'), 'utf8'))).toEqual({ layout: { wide: [1, 'two', null] }, camera: 6 })
    expect(await (await startBench({ root })).call('views.get', {})).toEqual({ layout: { wide: [1, 'two', null] }, camera: 6 })
  })

  it('that are damaged are set aside with a sentence, and everything else opens', async () => {
    const root = await temporaryFolder()
    const first = await startBench({ root })
    const { folder } = (await first.call('session.info', {})).project
    await first.workbench.shutdown()
    await writeFile(join(folder, 'views.json'), '{"layout": ')
    const second = await startBench({ root })
    expect(await second.call('views.get', {})).toEqual({})
    const { project } = await second.call('session.info', {})
    const kept = (await readdir(folder)).find((name) => name.startsWith('views.json.damaged-'))!
    expect(project.problems).toMatchObject([{ code: 'bad-data', message: expect.stringContaining(kept) }])
  })

  it.each([
    [{ part: '../x', state: 1 }, 'part'],
    [{ part: 'layout' }, 'state'],
    [{ part: 'layout', state: 'x'.repeat(1_000_001) }, 'state'],
  ])('refuse what is no state: case %#', async (args, place) => {
    const problem = await (await startBench()).problem('views.set', args as never)
    expect(problem).toMatchObject({ code: 'bad-argument' })
    expect(problem.message).toContain(place)
  })
})
