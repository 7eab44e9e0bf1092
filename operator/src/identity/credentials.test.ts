import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { Server } from '@grpc/grpc-js'
import type { CredentialFiles } from '@smi-mesh/dataplane/envoy'
import type { IdentityCertificate } from '@smi-mesh/dataplane/mesh'
import { meshError } from '../mesh-error.ts'
import {
  type CredentialEvent,
  CredentialFolders,
  controlPlaneIdentity,
  serverCredentials,
  tokenServerCredentials,
} from './credentials.ts'
import type { FileOperations } from './private-files.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { HOUR, identityOf, MINUTE, type Rig, rig, TRUST_DOMAIN } from './testdata/rig.ts'

const WEB = identityOf('web')
const CONTROL_PLANE = controlPlaneIdentity(TRUST_DOMAIN)

/** OpenSSL judges by the real time. */
function realClock(offset = 0): FakeClock {
  return new FakeClock(Date.now() + offset)
}

async function listen(t: TestContext, mesh: Rig, make = serverCredentials): Promise<number> {
  const server = new Server()
  t.after(() => server.forceShutdown())
  const credentials = make(mesh.issuer, CONTROL_PLANE)
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  })
}

interface Shown {
  readonly socket: TLSSocket
  readonly serial: string
  readonly name: string
}

/** A client that trusts `roots` and shows `own`; rejects where either side refuses the other. */
async function call(port: number, roots: readonly string[], own: IdentityCertificate | undefined): Promise<Shown> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    ca: [...roots],
    ...(own === undefined ? {} : { cert: own.chain, key: own.privateKey.reveal() }),
    ALPNProtocols: ['h2'],
    checkServerIdentity: () => undefined,
  })
  try {
    await once(socket, 'secureConnect')
    // Under TLS 1.3 a server refuses a client only after the client has finished: its SETTINGS frame says that it did not.
    const [first] = await Promise.race([once(socket, 'data'), once(socket, 'end').then(() => [undefined])])
    if (first === undefined) throw new Error('The server hung up.')
  } catch (error) {
    socket.destroy()
    throw error
  }
  const { serialNumber, subjectaltname } = socket.getPeerCertificate()
  return { socket, serial: serialNumber, name: subjectaltname ?? '' }
}

test('where proxies prove themselves by tokens, the control plane still proves who it is', async t => {
  const mesh = await rig({ clock: realClock() })
  t.after(() => mesh.issuer.stop())
  const port = await listen(t, mesh, tokenServerCredentials)
  const { roots } = mesh.authority.bundle()
  const shown = await call(port, roots, undefined)
  shown.socket.destroy()
  assert.equal(shown.name, `URI:${CONTROL_PLANE}`)
  const foreign = await rig({ clock: realClock() })
  t.after(() => foreign.issuer.stop())
  await assert.rejects(call(port, foreign.authority.bundle().roots, undefined), /certificate/)
})

test('the control plane proves who it is and lets in whoever the mesh knows', async t => {
  const mesh = await rig({ clock: realClock() })
  t.after(() => mesh.issuer.stop())
  const port = await listen(t, mesh)
  const roots = mesh.authority.bundle().roots
  const own = mesh.issuer.ensure(WEB)
  const shown = await call(port, roots, own)
  assert.equal(shown.name, 'URI:spiffe://mesh.test/ns/smi-mesh/sa/control-plane')
  shown.socket.destroy()
  assert.equal(mesh.certificates.has(CONTROL_PLANE), false, 'its certificate is not among those told to proxies')
  const foreign = await rig({ clock: realClock() })
  t.after(() => foreign.issuer.stop())
  await assert.rejects(call(port, roots, foreign.issuer.ensure(WEB)))
  await assert.rejects(call(port, roots, undefined))
  await assert.rejects(call(port, foreign.authority.bundle().roots, own))
})

test('a renewed certificate is shown to the next connection, and the open one stays', async t => {
  const mesh = await rig({ clock: realClock(-40 * MINUTE) })
  t.after(() => mesh.issuer.stop())
  const port = await listen(t, mesh)
  const { roots } = mesh.authority.bundle()
  const before = await call(port, roots, mesh.issuer.ensure(WEB))
  await mesh.clock.run(40 * MINUTE)
  const after = await call(port, roots, mesh.issuer.ensure(WEB))
  assert.notEqual(after.serial, before.serial)
  assert.equal(before.socket.destroyed, false)
  for (const { socket } of [before, after]) socket.destroy()
})

test('a server that has listened through a whole root rotation shows and accepts the new root alone', async t => {
  const mesh = await rig({ clock: realClock(-6 * HOUR) })
  t.after(() => mesh.issuer.stop())
  const port = await listen(t, mesh)
  await mesh.clock.run(MINUTE)
  const old = mesh.authority.bundle().roots
  const retired = mesh.issuer.ensure(WEB)
  await mesh.authority.rotate()
  await mesh.clock.run(6 * HOUR - MINUTE)
  const { roots } = mesh.authority.bundle()
  assert.ok(roots.length === 1 && roots[0] !== old[0])
  const shown = await call(port, roots, mesh.issuer.ensure(WEB))
  shown.socket.destroy()
  await assert.rejects(call(port, old, mesh.issuer.ensure(WEB)))
  await assert.rejects(call(port, roots, retired))
})

async function folders(t: TestContext, operations?: FileOperations) {
  const mesh = await rig()
  const events: CredentialEvent[] = []
  const base = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  t.after(async () => {
    rmSync(base, { recursive: true })
    await mesh.issuer.stop()
  })
  const kept = new CredentialFolders({
    source: mesh.issuer,
    setTimer: mesh.clock.setTimer,
    onEvent: event => events.push(event),
    ...(operations === undefined ? {} : { operations }),
  })
  return { mesh, events, kept, path: join(base, 'web-1') }
}

test('a folder of credentials is complete when it is handed over, private, and renewed in place', async t => {
  const { mesh, kept, path } = await folders(t)
  const files = kept.keep(path, WEB)
  const first = readFileSync(files.certificate, 'utf8')
  assert.equal(first, mesh.issuer.ensure(WEB)?.chain)
  assert.match(readFileSync(files.privateKey, 'utf8'), /BEGIN PRIVATE KEY/)
  assert.match(readFileSync(files.identityDescription, 'utf8'), /xds-identity/)
  assert.match(readFileSync(files.rootsDescription, 'utf8'), /xds-roots/)
  assert.equal(statSync(path).mode & 0o777, 0o700)
  assert.equal(statSync(files.privateKey).mode & 0o777, 0o600)
  await mesh.clock.run(31 * MINUTE)
  assert.notEqual(readFileSync(files.certificate, 'utf8'), first)
  await mesh.authority.rotate()
  assert.equal(readFileSync(files.roots, 'utf8').match(/BEGIN CERTIFICATE/g)?.length, 2)
  kept.forget(path)
  const last = readFileSync(files.certificate, 'utf8')
  await mesh.clock.run(HOUR)
  assert.equal(readFileSync(files.certificate, 'utf8'), last)
})

test('certificate and key in a folder belong together whenever they change', async t => {
  const seen: boolean[] = []
  let files: CredentialFiles | undefined
  const operations: FileOperations = {
    ...fs,
    renameSync: (from, to) => {
      fs.renameSync(from, to)
      if (files === undefined) return
      const certificate = new X509Certificate(readFileSync(files.certificate))
      seen.push(certificate.checkPrivateKey(createPrivateKey(readFileSync(files.privateKey))))
    },
  }
  const { mesh, kept, path } = await folders(t, operations)
  files = kept.keep(path, WEB)
  await mesh.clock.run(5 * HOUR)
  assert.ok(seen.length > 8 && seen.every(Boolean))
  assert.ok(readdirSync(path).length < 10, 'old generations are cleared away')
})

test('a folder that could not be renewed is tried again until it can', async t => {
  let full = false
  const operations: FileOperations = {
    ...fs,
    renameSync: (from, to) => {
      if (full) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      fs.renameSync(from, to)
    },
  }
  const { mesh, kept, path, events } = await folders(t, operations)
  const files = kept.keep(path, WEB)
  const before = readFileSync(files.certificate, 'utf8')
  full = true
  await mesh.clock.run(31 * MINUTE)
  assert.deepEqual(events.map(event => event.kind === 'credentialsFailed' && event.first).slice(0, 2), [true, false])
  assert.equal(readFileSync(files.certificate, 'utf8'), before)
  full = false
  await mesh.clock.run(5_000)
  assert.notEqual(readFileSync(files.certificate, 'utf8'), before)
  assert.equal(events.at(-1)?.kind, 'credentialsRecovered')
  full = true
  assert.throws(
    () => kept.keep(path, identityOf('db')),
    error => meshError(error, 'StateUnavailable') !== undefined,
  )
  kept.stop()
  await mesh.issuer.stop()
  assert.equal(mesh.clock.timers, 0)
})
