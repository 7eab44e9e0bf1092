import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { SmictlProcess } from '../../test/smictl-process.ts'
import { createRoot } from '../identity/certificate.ts'
import { METRICS } from '../telemetry/catalogue.ts'

const PODS = join(import.meta.dirname, '../../testdata/translate/scene.yaml')

describe('the admin address of smictl serve', () => {
  const state = mkdtempSync(join(tmpdir(), 'smi-serve-'))
  const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0']
  let smictl: SmictlProcess
  let admin = ''

  before(async () => {
    smictl = new SmictlProcess('serve', '--files', PODS, '--state-dir', state, ...anywhere)
    const [, address] = await smictl.says(/admin=(\S+)/)
    admin = `http://${address}`
  })
  after(async () => {
    await smictl.end('SIGTERM')
    rmSync(state, { recursive: true })
  })

  const json = async (path: string): Promise<unknown> => (await fetch(`${admin}${path}`)).json()

  test('every metric that is documented is served, and counts', async () => {
    const text = await (await fetch(`${admin}/metrics`)).text()
    for (const { name } of METRICS) assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'))
    assert.match(text, /^smi_settle_revisions_total [1-9]/m)
    assert.match(text, /^smi_settle_recomputed_total\{table="compileRoutes"\} [1-9]/m)
    assert.match(text, /^smi_identity_root_expiry_seconds\{role="signing"\} \d{6,}/m)
    assert.match(text, /^smi_xds_streams 0$/m)
  })

  test('a proxy’s configuration is answered by its name, and that of nobody is not', async () => {
    const names = Object.keys((await json('/debug/mesh')) as Record<string, unknown>)
    assert.ok(names.includes('pods'))
    const { pods } = (await json('/debug/mesh')) as { readonly pods: Readonly<Record<string, string>> }
    const [pod = ''] = Object.keys(pods)
    const [namespace, name] = pod.split('/')
    const config = (await json(`/debug/config?node=${name}.${namespace}`)) as Record<string, Record<string, unknown>>
    assert.ok(Object.keys(config['Listener'] ?? {}).length > 0)
    assert.equal((await fetch(`${admin}/debug/config?node=nobody.${namespace}`)).status, 404)
  })

  test('certificates are told by name and end, that of the control plane among them, and no key', async () => {
    const told = await (await fetch(`${admin}/debug/certificates`)).text()
    const { certificates } = JSON.parse(told) as { readonly certificates: readonly Record<string, string>[] }
    const [root, server, ...others] = certificates
    assert.deepEqual([root?.['role'], root?.['state']], ['signing', 'valid'])
    assert.equal(server?.['name'], 'spiffe://cluster.local/ns/smi-mesh/sa/control-plane')
    assert.deepEqual([server['kind'], server['state'], others], ['control plane', 'valid', []])
    assert.doesNotMatch(told, /private key/i)
  })

  test('it is ready, and says what it read', async () => {
    assert.deepEqual(await json('/readyz'), { status: 'ready' })
    assert.deepEqual(await json('/debug/problems'), [])
    assert.deepEqual(await json('/debug/proxies'), [])
    assert.match(smictl.said, /event=settled revision=1 /)
  })
})

describe('smictl serve with an authority of others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-serve-authority-'))
  const state = join(folder, 'state')
  const words = ['serve', '--files', PODS, '--state-dir', state, '--authority-files', folder]
  const anywhere = ['--xds-address', '127.0.0.1:0', '--admin-address', '127.0.0.1:0']
  after(() => rmSync(folder, { recursive: true }))

  test('a folder without one ends it with what is missing', async t => {
    const smictl = new SmictlProcess(...words, ...anywhere)
    t.after(() => smictl.end('SIGKILL'))
    await smictl.says(/The folder must hold tls\.crt, tls\.key and ca\.crt/)
    assert.equal(await smictl.over(), 3)
  })

  test('that one signs, and no root is made', async t => {
    const day = 86_400_000
    const root = createRoot('cluster.local', { notBefore: Date.now() - day, notAfter: Date.now() + 30 * day })
    writeFileSync(join(folder, 'tls.crt'), root.certificate)
    writeFileSync(join(folder, 'tls.key'), root.privateKey.reveal(), { mode: 0o600 })
    writeFileSync(join(folder, 'ca.crt'), root.certificate)
    const smictl = new SmictlProcess(...words, ...anywhere)
    t.after(() => smictl.end('SIGTERM'))
    const [, address] = await smictl.says(/admin=(\S+)/)
    const told = await (await fetch(`http://${address}/debug/certificates`)).json()
    const { certificates } = told as { readonly certificates: readonly Record<string, string>[] }
    assert.deepEqual(
      certificates.map(({ kind, role, expires }) => [kind, role, expires]),
      [
        ['root', 'signing', new Date(root.notAfter).toISOString()],
        ['control plane', undefined, certificates[1]?.['expires']],
      ],
    )
    assert.equal(existsSync(join(state, 'authority.json')), false)
  })
})

test('an admin address in use ends it with a status of its own', async t => {
  const state = mkdtempSync(join(tmpdir(), 'smi-serve-'))
  const words = ['serve', '--files', PODS, '--xds-address', '127.0.0.1:0', '--state-dir']
  const first = new SmictlProcess(...words, join(state, 'a'), '--admin-address', '127.0.0.1:0')
  t.after(async () => {
    await first.end('SIGTERM')
    rmSync(state, { recursive: true })
  })
  const [, address = ''] = await first.says(/admin=(\S+)/)
  const second = new SmictlProcess(...words, join(state, 'b'), '--admin-address', address)
  t.after(() => second.end('SIGKILL'))
  await second.says(/Something else listens on/)
  assert.equal(await second.over(), 3)
})
