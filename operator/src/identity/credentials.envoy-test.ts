import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Server, type ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js'
import { bootstrap } from '@smi-mesh/dataplane/envoy'
import { envoyBinary } from '../../../dataplane/src/envoy/testdata/envoy-process.ts'
import { setTimer } from '../real-timer.ts'
import { Authority } from './authority.ts'
import { CredentialFolders, controlPlaneIdentity, serverCredentials } from './credentials.ts'
import { Issuer } from './issuer.ts'
import { MemoryAuthorityStore } from './testdata/memory-store.ts'
import { identityOf, TRUST_DOMAIN } from './testdata/rig.ts'

const binary = envoyBinary()
const skip = binary === undefined ? 'no Envoy binary: set ENVOY' : false
const CONTROL_PLANE = controlPlaneIdentity(TRUST_DOMAIN)
const DEADLINE_MS = 40_000

type Stream = ServerDuplexStream<Buffer, Buffer>

/** A discovery server that says nothing, and remembers the certificates it was shown. */
class Listener {
  readonly serials: string[] = []
  readonly server = new Server()

  constructor() {
    const bytes = (message: Buffer) => message
    const method = {
      path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      requestStream: true,
      responseStream: true,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    } as const
    this.server.addService(
      { deltaAggregatedResources: method },
      { deltaAggregatedResources: (call: Stream) => this.#hear(call) },
    )
  }

  listen(credentials: ServerCredentials): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
        error === null ? resolve(port) : reject(error),
      )
    })
  }

  /** Ends every stream with its connection, so that proxies shake hands again. */
  hangUp(port: number): void {
    this.server.drain(`127.0.0.1:${port}`, 0)
  }

  #hear(call: Stream): void {
    this.serials.push(call.getAuthContext()?.sslPeerCertificate?.serialNumber ?? '')
    call.on('data', () => {})
    call.on('error', () => {})
    call.on('end', () => call.end())
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!holds()) {
    if (Date.now() > deadline) assert.fail(`Waited in vain: ${what}.`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function startEnvoy(t: TestContext, folder: string, config: unknown): () => string {
  const file = join(folder, 'bootstrap.json')
  writeFileSync(file, JSON.stringify(config))
  let log = ''
  const envoy = spawn(binary ?? '', ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warning'])
  envoy.stderr.on('data', (text: Buffer) => {
    log += text.toString()
  })
  t.after(() => envoy.kill('SIGKILL'))
  return () => log
}

test('a proxy that is never restarted follows its certificate and the roots through a whole rotation', {
  skip,
}, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const store = new MemoryAuthorityStore()
  const lifetimes = { leafMs: 10_000, skewMs: 1_000 }
  const authority = await Authority.open({ trustDomain: TRUST_DOMAIN, store, now: Date.now, ...lifetimes })
  const issuer = new Issuer({
    authority,
    certificates: new Map(),
    bundle: new Map(),
    onChange: () => {},
    onEvent: () => {},
    now: Date.now,
    random: Math.random,
    setTimer,
    watchdogMs: 500,
  })
  issuer.start()
  t.after(() => issuer.stop())
  const listener = new Listener()
  t.after(() => listener.server.forceShutdown())
  const port = await listener.listen(serverCredentials(issuer, CONTROL_PLANE))
  const folders = new CredentialFolders({ source: issuer, setTimer, onEvent: () => {} })
  t.after(() => folders.stop())
  const files = folders.keep(join(folder, 'web-1'), identityOf('web'))
  const log = startEnvoy(
    t,
    folder,
    bootstrap({
      nodeId: 'web-1.shop',
      nodeCluster: 'shop/web',
      admin: { kind: 'socket', path: join(folder, 'admin.sock') },
      xds: { address: '127.0.0.1', port, security: { kind: 'mtls', files, server: CONTROL_PLANE } },
    }),
  )
  await until('the proxy connects', () => listener.serials.length > 0)
  const [old] = authority.roots()
  await authority.rotate()
  await until('the old root is gone', () => authority.roots().every(({ id }) => id !== old?.id))
  const before = new Set(listener.serials)
  listener.hangUp(port)
  await until('the proxy comes back with another certificate', () =>
    listener.serials.some(serial => !before.has(serial)),
  )
  assert.doesNotMatch(log(), /Failed to|mismatch/i)
})
