import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import fc from 'fast-check'
import { FileSource } from './files.ts'
import { readFiles } from './read-files.ts'
import { Recorder, sourceContract } from './source.contract.ts'

const manifest = (name: string, text: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n  text: "${text}"\n`

const folders: string[] = []
after(() => Promise.all(folders.map(path => rm(path, { recursive: true, force: true }))))

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'smi-mesh-files-'))
  folders.push(path)
  return path
}

sourceContract('files', async () => {
  const root = await folder()
  return {
    source: new FileSource(root),
    write: (name, text) => writeFile(join(root, `${name}.yaml`), manifest(name, text)),
    remove: name => unlink(join(root, `${name}.yaml`)),
    spoil: name => writeFile(join(root, `${name}.yaml`), 'kind: [ConfigMap\n'),
    dispose: () => rm(root, { recursive: true, force: true }),
  }
})

async function following(root: string, body: (on: Recorder) => Promise<void>): Promise<void> {
  const source = new FileSource(root)
  const on = new Recorder()
  await source.start(on)
  try {
    await body(on)
  } finally {
    await source.stop()
    await rm(root, { recursive: true, force: true })
  }
}

const names = (on: Recorder) => [...on.state.values()].map(change => change.ref.name).sort()

test('saving by rename is one change and never a deletion', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), `${manifest('x', '1')}---\n${manifest('y', '1')}`)
  await following(root, async on => {
    await writeFile(join(root, '.a.yaml.tmp'), `${manifest('x', '2')}---\n${manifest('y', '1')}`)
    await rename(join(root, '.a.yaml.tmp'), join(root, 'a.yaml'))
    await on.until('the change is told', () => on.batches.length === 2)
    assert.deepEqual(
      on.batches[1]?.map(change => [change.ref.name, change.object !== undefined]),
      [['x', true]],
    )
  })
})

test('an object that moves from one file to another is never deleted', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'))
  await following(root, async on => {
    await rename(join(root, 'a.yaml'), join(root, 'b.yaml'))
    await writeFile(join(root, 'c.yaml'), manifest('y', '1'))
    await on.until('y is told', () => names(on).includes('y'))
    assert.deepEqual(names(on), ['x', 'y'])
    assert.ok(on.batches.flat().every(change => change.object !== undefined))
  })
})

test('a file that is truncated before it is written anew loses nothing', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'))
  await following(root, async on => {
    await writeFile(join(root, 'a.yaml'), '')
    await writeFile(join(root, 'b.yaml'), manifest('y', '1'))
    await on.until('y is told', () => names(on).includes('y'))
    await writeFile(join(root, 'a.yaml'), manifest('x', '2'))
    await on.until('x changes', () => on.batches.flat().filter(change => change.ref.name === 'x').length === 2)
    assert.ok(on.batches.flat().every(change => change.object !== undefined))
  })
})

test('the objects of a deleted file and of a deleted folder go', async () => {
  const root = await folder()
  await mkdir(join(root, 'sub'))
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'))
  await writeFile(join(root, 'sub', 'b.yml'), manifest('y', '1'))
  await following(root, async on => {
    await rm(join(root, 'sub'), { recursive: true })
    await on.until('y is gone', () => !names(on).includes('y'))
    await unlink(join(root, 'a.yaml'))
    await on.until('x is gone', () => names(on).length === 0)
  })
})

test('a file in a new folder is seen', async () => {
  const root = await folder()
  await following(root, async on => {
    await mkdir(join(root, 'deep', 'er'), { recursive: true })
    await writeFile(
      join(root, 'deep', 'er', 'a.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }),
    )
    await on.until('x is told', () => names(on).includes('x'))
  })
})

test('a folder that is gone says nothing about its objects', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'))
  const source = new FileSource(root, { rescanMs: 20 })
  const on = new Recorder()
  await source.start(on)
  await rm(root, { recursive: true })
  await on.until('the loss is reported', () => on.current.some(problem => problem.file === root))
  assert.deepEqual(names(on), ['x'])
  await mkdir(root)
  await on.until('the exchange is reported', () => on.current.some(problem => problem.message.includes('empty folder')))
  assert.deepEqual(names(on), ['x'])
  await writeFile(join(root, 'b.yaml'), manifest('y', '1'))
  await on.until('the new folder is believed', () => names(on).join() === 'y')
  assert.deepEqual(on.current, [])
  await source.stop()
  await rm(root, { recursive: true })
})

test('a folder that does not exist yet is waited for', async () => {
  const root = join(await folder(), 'later')
  const source = new FileSource(root, { rescanMs: 20 })
  const on = new Recorder()
  await source.start(on)
  assert.equal(on.syncs, 0)
  assert.match(on.current[0]?.message ?? '', /does not exist\. Create it/)
  await mkdir(root)
  await on.until('synced', () => on.syncs === 1)
  await source.stop()
})

test('what editors leave behind is ignored', async () => {
  const root = await folder()
  for (const name of ['.a.yaml.swp', 'a.yaml~', '#a.yaml#', '.#a.yaml', '4913', 'a.yaml.bak']) {
    await writeFile(join(root, name), manifest('x', '1'))
  }
  assert.deepEqual(readFiles([root]), { objects: [], problems: [] })
})

test('of two objects with the same name the first by file name stays, and the other is told of', async () => {
  const root = await folder()
  await writeFile(join(root, 'b.yaml'), manifest('x', 'second'))
  await following(root, async on => {
    await writeFile(join(root, 'a.yaml'), manifest('x', 'first'))
    await on.until('a problem is told', () => on.current.length === 1)
    assert.match(JSON.stringify(on.state.get('ConfigMap default/x')), /first/)
    assert.deepEqual(on.current, [
      {
        file: join(root, 'b.yaml'),
        where: 'line 1, metadata.name',
        message: `ConfigMap default/x is already in ${join(root, 'a.yaml')}:1, which stays. Remove or rename one of the two.`,
      },
    ])
    await unlink(join(root, 'a.yaml'))
    await on.until('the other takes its place', () => JSON.stringify([...on.state.values()]).includes('second'))
    assert.deepEqual(on.current, [])
  })
})

test('objects of one kind and name but of different APIs are two objects', async () => {
  const root = await folder()
  const service = (apiVersion: string) => `apiVersion: ${apiVersion}\nkind: Service\nmetadata: {name: web}\n`
  await writeFile(join(root, 'a.yaml'), `${service('serving.knative.dev/v1')}---\n${service('v1')}`)
  const { objects, problems } = readFiles([root])
  await rm(root, { recursive: true })
  assert.deepEqual(problems, [])
  assert.deepEqual(
    objects.map(({ ref }) => refText(ref)),
    ['Service.serving.knative.dev default/web', 'Service default/web'],
  )
})

test('a link that leads back to its folder does not loop', async () => {
  const root = await folder()
  await symlink(root, join(root, 'loop'))
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'))
  assert.equal(readFiles([root]).objects.length, 1)
})

test('a file beyond the limit is reported, not read', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), manifest('x', '1'.repeat(200)))
  const { objects, problems } = readFiles([root], { maxFileBytes: 100 })
  assert.equal(objects.length, 0)
  assert.match(problems[0]?.message ?? '', /is not read\. Split it/)
})

type Edit =
  | { readonly kind: 'write' | 'replace'; readonly file: number; readonly objects: readonly number[] }
  | { readonly kind: 'rename'; readonly file: number; readonly to: number }
  | { readonly kind: 'delete'; readonly file: number }

const FILES = ['a.yaml', 'b.yml', 'sub/c.yaml', 'sub/d.json', 'sub/deep/e.yaml'] as const
const fileIndex = fc.nat({ max: FILES.length - 1 })
const contents = fc.array(fc.nat({ max: 5 }), { maxLength: 4 })
const edits: fc.Arbitrary<readonly Edit[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('write' as const, 'replace' as const), file: fileIndex, objects: contents }),
    fc.record({ kind: fc.constant('rename' as const), file: fileIndex, to: fileIndex }),
    fc.record({ kind: fc.constant('delete' as const), file: fileIndex }),
  ),
  { minLength: 1, maxLength: 12 },
)

async function perform(root: string, edit: Edit, turn: number): Promise<void> {
  const path = join(root, FILES[edit.file] ?? '')
  if (edit.kind === 'delete') return rm(path, { force: true })
  if (edit.kind === 'rename') return rename(path, join(root, FILES[edit.to] ?? '')).catch(() => undefined)
  const text = edit.objects.map(number => manifest(`o${number}`, `${turn}`)).join('---\n')
  if (edit.kind === 'write') return writeFile(path, text)
  await writeFile(`${path}.tmp`, text)
  return rename(`${path}.tmp`, path)
}

const stateOf = (root: string) =>
  readFiles([root])
    .objects.map(({ ref, object, origin }) => JSON.stringify([ref, object, origin.replace(/:\d+$/, '')]))
    .sort()

test('after any writes, renames and deletions the state told equals a fresh read', async () => {
  await fc.assert(
    fc.asyncProperty(edits, async sequence => {
      const root = await folder()
      await mkdir(join(root, 'sub', 'deep'), { recursive: true })
      await following(root, async on => {
        for (const [turn, edit] of sequence.entries()) await perform(root, edit, turn)
        const fresh = stateOf(root)
        const told = () => [...on.state.values()].map(({ ref, object }) => JSON.stringify([ref, object])).sort()
        const expected = fresh.map(text => JSON.stringify(JSON.parse(text).slice(0, 2))).sort()
        await on.until('the states are equal', () => told().join() === expected.join())
      })
    }),
    { numRuns: 25 },
  )
})

test('objects below a line that is inserted are told to have moved, and not to have changed', async () => {
  const root = await folder()
  await writeFile(join(root, 'a.yaml'), `${manifest('x', '1')}---\n${manifest('y', '1')}`)
  await following(root, async on => {
    await writeFile(join(root, 'a.yaml'), `# new\n${manifest('x', '1')}---\n${manifest('y', '2')}`)
    await on.until('y changes', () => on.batches.length === 2)
    assert.deepEqual(
      on.batches[1]?.map(({ ref, origin }) => [ref.name, origin]),
      [['y', `${join(root, 'a.yaml')}:9`]],
    )
    await on.until('x moves', () => on.state.get('ConfigMap default/x')?.origin === `${join(root, 'a.yaml')}:2`)
  })
})
