import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { type Fence, readPage } from '../../test/markdown.ts'
import { shownCommands } from '../../test/shell-block.ts'
import { SmictlProcess, until } from '../../test/smictl-process.ts'

const GUIDE = readPage(readFileSync(join(import.meta.dirname, '../../../docs/guides/standalone.md'), 'utf8'))
const POD = 'web-0.demo'
let folder = ''
let smictl: SmictlProcess | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'smi-own-'))
  write('web.yaml', shown(({ words }) => words.includes('file=web.yaml')).text)
})
afterEach(async () => {
  await smictl?.end('SIGTERM')
  smictl = undefined
  rmSync(folder, { recursive: true })
})

const at = (...names: readonly string[]) => join(folder, ...names)
const write = (name: string, text: string) => writeFileSync(at(name), text)
const modeOf = (path: string) => statSync(path).mode & 0o777

/** The block of the guide that a user copies. */
function shown(isMeant: (fence: Fence) => boolean): Fence {
  const found = GUIDE.fences.find(isMeant)
  assert.ok(found !== undefined, 'The guide shows it.')
  return found
}

/** The command that the guide shows, in this folder, at addresses that are free. */
async function serve(...more: readonly string[]): Promise<SmictlProcess> {
  const [command] = shownCommands(shown(({ text }) => text.includes('smictl serve') && text.includes('--bootstraps')))
  const words = (command?.words ?? []).slice(1).map(word => (/^(web\.yaml|proxies)$/.test(word) ? at(word) : word))
  const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0', '--state-dir', at('state')]
  smictl = new SmictlProcess(...words, ...anywhere, ...more)
  return smictl
}

async function served(...more: readonly string[]): Promise<void> {
  await (await serve(...more)).says(/^bootstraps=/m)
}

test('every pod gets what the guide shows, for its owner alone', async () => {
  await served()
  const [, ...listed] = shown(({ text }) => text.startsWith('$ ls proxies/'))
    .text.trim()
    .split('\n')
  assert.deepEqual(readdirSync(at('proxies', POD)), listed)
  for (const path of ['proxies', `proxies/${POD}`, `proxies/${POD}/credentials`]) assert.equal(modeOf(at(path)), 0o700)
  for (const path of [
    'bootstrap.json',
    'credentials/key.pem',
    'credentials/certificate.pem',
    'credentials/roots.pem',
  ]) {
    assert.equal(modeOf(at('proxies', POD, path)), 0o600, path)
  }
  const certificate = new X509Certificate(readFileSync(at('proxies', POD, 'credentials', 'certificate.pem')))
  assert.match(certificate.subjectAltName ?? '', /ns\/demo\/sa\/default/)
  const bootstrap: unknown = JSON.parse(readFileSync(at('proxies', POD, 'bootstrap.json'), 'utf8'))
  assert.deepEqual(Object(bootstrap).node.id, POD)
})

test('folders come and go with their pods, those of an earlier run too, and what else is kept there stays', async () => {
  mkdirSync(at('proxies'), { mode: 0o700 })
  for (const name of ['gone-0.demo', 'mine.demo']) mkdirSync(at('proxies', name))
  writeFileSync(at('proxies', 'gone-0.demo', 'bootstrap.json'), '{}')
  writeFileSync(at('proxies', 'mine.demo', 'notes.txt'), '')
  await served()
  assert.deepEqual(readdirSync(at('proxies')), ['mine.demo', POD])
  const more = readFileSync(at('web.yaml'), 'utf8')
  write('web.yaml', more.replaceAll('web-0', 'web-1'))
  await until('the new pod has a folder', () => existsSync(at('proxies', 'web-1.demo', 'bootstrap.json')))
  await until('that of the old one is gone', () => !existsSync(at('proxies', POD)))
})

test('proxies that need no certificate get none', async () => {
  await served('--insecure-xds')
  assert.deepEqual(readdirSync(at('proxies', POD)), ['bootstrap.json'])
})

test('a pod whose name leads elsewhere is refused with its file, and nothing is written elsewhere', async () => {
  write('web.yaml', readFileSync(at('web.yaml'), 'utf8') + evil('../../escaped'))
  await served()
  assert.match(
    smictl?.said ?? '',
    /web\.yaml where="line \d+, metadata\.name" message="No API server takes this name of a Pod/,
  )
  assert.deepEqual(readdirSync(at('proxies')), [])
  assert.deepEqual(readdirSync(folder).sort(), ['proxies', 'state', 'web.yaml'])
})

const evil = (name: string) => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: demo }
spec: { containers: [{ name: web }] }
status: { podIP: 127.241.0.1, phase: Running }
`

test('a folder that others may enter is refused', async () => {
  mkdirSync(at('proxies'))
  chmodSync(at('proxies'), 0o755)
  const refused = await serve()
  assert.equal(await refused.over(), 3)
  assert.match(refused.said, /Others may enter .*chmod 700/)
})
