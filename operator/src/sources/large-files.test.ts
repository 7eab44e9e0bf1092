import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { refText } from '@smi-mesh/dataplane/mesh'
import { FileSource, type FileSourceOptions } from './files.ts'
import { Recorder, sourceContract } from './source.contract.ts'

const manifest = (name: string, text: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {text: "${text}"}\n`
const folder = () => mkdtemp(join(tmpdir(), 'smi-mesh-large-'))

sourceContract('large files', async () => {
  const root = await folder()
  return {
    source: new FileSource(root, { largeFileBytes: 0 }),
    write: (name, text) => writeFile(join(root, `${name}.yaml`), manifest(name, text)),
    remove: name => unlink(join(root, `${name}.yaml`)),
    spoil: name => writeFile(join(root, `${name}.yaml`), 'kind: [ConfigMap\n'),
    dispose: () => rm(root, { recursive: true, force: true }),
  }
})

async function following(
  options: Partial<FileSourceOptions>,
  body: (on: Recorder, root: string) => Promise<void>,
): Promise<void> {
  const root = await folder()
  await writeFile(join(root, 'small.yaml'), manifest('small', '1'))
  const source = new FileSource(root, options)
  const on = new Recorder()
  await source.start(on)
  try {
    await body(on, root)
  } finally {
    await source.stop()
    await rm(root, { recursive: true, force: true })
  }
}

const textOf = (on: Recorder, name: string) => {
  const text = JSON.stringify(on.state.get(`ConfigMap default/${name}`)?.object ?? '')
  return /"text":"(\w)/.exec(text)?.[1]
}
/** As large as is needed to be large, and quick to parse. */
const LARGE = 'x'.repeat(2_000)

/** Long enough for a thread that begins on a busy machine, and loads the parser. */
const HANGING_MS = 5_000

/** Parses all but what says `hang`. */
const mayHang = program(`if (new TextDecoder().decode(bytes).includes('hang')) for (;;);`)

function program(first: string): URL {
  const parser = new URL('./read-file.ts', import.meta.url).href
  return new URL(
    `data:text/javascript,${encodeURIComponent(`
import { parentPort } from 'node:worker_threads'
const { parseBytes } = await import(${JSON.stringify(parser)})
parentPort.on('message', ({ file, bytes }) => {
  ${first}
  parentPort.postMessage(parseBytes(file, bytes))
})`)}`,
  )
}

test('a newer version of a file wins over an older one that is still being parsed', async () => {
  await following({ largeFileBytes: 1_000, parsingProgram: mayHang }, async (on, root) => {
    await on.until('synced', () => on.syncs > 0)
    await writeFile(join(root, 'large.yaml'), manifest('large', `hang${LARGE}`))
    await writeFile(join(root, 'small.yaml'), manifest('small', '2'))
    await on.until('its neighbour goes on meanwhile', () => textOf(on, 'small') === '2')
    assert.equal(textOf(on, 'large'), undefined)
    await writeFile(join(root, 'large.yaml'), manifest('large', `3${LARGE}`))
    await on.until('the newer one is told', () => textOf(on, 'large') === '3')
    await writeFile(join(root, 'large.yaml'), manifest('large', `hang${LARGE}`))
    await writeFile(join(root, 'large.yaml'), manifest('large', '4'))
    await on.until('so does one that is small again', () => textOf(on, 'large') === '4')
    assert.deepEqual(on.current, [])
  })
})

test('a thread that hangs is a problem of that file, whose last good state stays', async () => {
  const options = { largeFileBytes: 1_000, parsingMs: HANGING_MS, parsingProgram: mayHang }
  await following(options, async (on, root) => {
    await writeFile(join(root, 'large.yaml'), manifest('large', `1${LARGE}`))
    await on.until('it is told', () => textOf(on, 'large') === '1')
    await writeFile(join(root, 'large.yaml'), manifest('large', `hang${LARGE}`))
    await on.until('it is named', () => on.current.some(({ file }) => file === join(root, 'large.yaml')))
    assert.match(on.current[0]?.message ?? '', /took longer than .* last good state stays/)
    assert.equal(textOf(on, 'large'), '1')
    await writeFile(join(root, 'large.yaml'), manifest('large', `5${LARGE}`))
    await on.until('all is well again', () => textOf(on, 'large') === '5' && on.current.length === 0)
  })
})

test('an object that moves to a file which takes its time is never deleted', async () => {
  await following({ largeFileBytes: 1_000 }, async (on, root) => {
    await on.until('synced', () => on.syncs > 0)
    await rename(join(root, 'small.yaml'), join(root, '.aside'))
    await writeFile(join(root, 'large.yaml'), `${manifest('small', '1')}---\n${manifest('large', `1${LARGE}`)}`)
    await on.until('the large file is told', () => textOf(on, 'large') === '1')
    assert.ok(on.batches.flat().every(({ object }) => object !== undefined))
    assert.ok([...on.state.values()].some(({ ref }) => refText(ref) === 'ConfigMap default/small'))
  })
})

test('nothing is synced before the large files are told', async () => {
  const root = await folder()
  await writeFile(join(root, 'large.yaml'), manifest('large', `1${LARGE}`))
  const source = new FileSource(root, { largeFileBytes: 1_000 })
  const on = new Recorder()
  await source.start(on)
  assert.equal(on.syncs, 0)
  await on.until('synced', () => on.syncs > 0)
  assert.equal(textOf(on, 'large'), '1')
  await source.stop()
  await rm(root, { recursive: true })
})
