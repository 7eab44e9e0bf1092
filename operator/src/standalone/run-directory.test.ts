import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { DEFAULT_MESH_CONFIG, podKey } from '@smi-mesh/dataplane/mesh'
import { Authority, fileStores } from '../identity/index.ts'
import { RunDirectory } from './run-directory.ts'

const UID = process.getuid?.() ?? 0

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'smi-run-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function claimed(path: string): RunDirectory {
  const found = RunDirectory.claim(path, process.pid, UID)
  return found.kind === 'claimed' ? found.directory : assert.fail(found.kind)
}

/** Writes what a run writes. */
function use(run: RunDirectory): void {
  run.note(process.pid)
  run.writeFile('7.json', '{}')
  run.writeFile('7.sock', '')
  mkdirSync(join(run.path, 'pods', '7.credentials'))
  writeFileSync(join(run.path, 'pods', '7.credentials', 'key.pem'), '')
  writeFileSync(run.logFile(podKey('shop', 'pay-5d9-0'), 'envoy'), 'a line of the last run')
}

test('what others keep in the folder survives', t => {
  const path = folder(t)
  const foreign = ['notes.txt', 'pods/notes.txt', 'logs/notes.log', 'deep/er/notes.txt']
  for (const name of foreign) {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), 'mine')
  }
  use(claimed(path))
  claimed(path).release()
  for (const name of foreign) assert.equal(readFileSync(join(path, name), 'utf8'), 'mine', name)
})

test('a folder in which ours has no room is refused', t => {
  const path = folder(t)
  writeFileSync(join(path, 'logs'), 'mine')
  const found = RunDirectory.claim(path, process.pid, UID)
  assert.match(found.kind === 'unusable' ? found.message : assert.fail(found.kind), /EEXIST.*--state-dir/)
  assert.equal(readFileSync(join(path, 'logs'), 'utf8'), 'mine')
})

test('a killed run leaves nothing for the next one but its identities', t => {
  const path = folder(t)
  use(claimed(path))
  writeFileSync(join(path, 'processes.json'), '[]')
  claimed(path)
  assert.deepEqual(readdirSync(path).sort(), ['logs', 'owner.json', 'pods'])
  assert.deepEqual([readdirSync(join(path, 'pods')), readdirSync(join(path, 'logs'))], [[], []])
})

test('a run takes away what killed runs of other folders left, and nothing of those that go on', t => {
  const parent = folder(t)
  const [killed, running, other] = ['0a1b2c3d', '1a1b2c3d', 'notes'].map(name => join(parent, name))
  assert.ok(killed !== undefined && running !== undefined && other !== undefined)
  for (const path of [killed, running, other]) use(claimed(path))
  for (const path of [killed, other]) {
    writeFileSync(join(path, 'owner.json'), JSON.stringify([{ pid: process.pid, startedAt: 'long ago' }]))
    writeFileSync(join(path, 'processes.json'), '[]')
  }
  RunDirectory.sweep(parent, UID)
  assert.deepEqual(readdirSync(killed), ['logs'])
  const whole = ['logs', 'owner.json', 'pods', 'processes.json']
  assert.deepEqual([readdirSync(running).sort(), readdirSync(other).sort()], [whole, whole])
})

test('what is released are logs alone', t => {
  const path = folder(t)
  const run = claimed(path)
  use(run)
  run.release()
  assert.deepEqual(readdirSync(path), ['logs'])
  assert.deepEqual(readdirSync(join(path, 'logs')), ['shop_pay-5d9-0.envoy.log'])
})

test('the root certificate is the same after a second start', async t => {
  const path = join(folder(t), 'made')
  const root = async () => {
    const run = claimed(path)
    const { authority: store } = fileStores(join(run.path, 'identity'))
    const authority = await Authority.open({ trustDomain: DEFAULT_MESH_CONFIG.trustDomain, store, now: Date.now })
    return { run, roots: authority.bundle().roots }
  }
  const first = await root()
  first.run.release()
  const second = await root() // and this one is killed
  assert.deepEqual(second.roots, first.roots)
  assert.deepEqual((await root()).roots, first.roots)
  assert.ok(existsSync(join(path, 'identity')))
})
