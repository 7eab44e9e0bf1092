/** A real Envoy that proves itself by a token and the control plane by roots, both renewed under its feet. */
import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type Metadata, Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js'
import { bootstrap } from './bootstrap.ts'
import { TestAuthority } from './testdata/certificates.ts'
import { EnvoyProcess, envoyBinary, until } from './testdata/envoy-process.ts'
import { temporaryFolder } from './testdata/temporary-folder.ts'
import { identity } from './testdata/world.ts'
import { tokenDescriptions, tokenFiles } from './token.ts'

const binary = envoyBinary()
const CONTROL_PLANE = identity('control-plane')

/** A volume as the kubelet keeps it: files are links through `..data`, which is swapped for all of them at once. */
class Volume {
  readonly path = temporaryFolder()
  #version = 0

  put(files: Readonly<Record<string, string>>): void {
    const previous = `..${this.#version}`
    const folder = `..${++this.#version}`
    mkdirSync(join(this.path, folder))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.path, folder, name), text)
    symlinkSync(folder, join(this.path, '..data_tmp'))
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'))
    if (this.#version > 1) rmSync(join(this.path, previous), { recursive: true })
    else for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(this.path, name))
  }
}

type Stream = ServerDuplexStream<Buffer, Buffer>

/** A discovery server that says nothing and remembers what each stream showed. */
class Listener {
  readonly shown: Metadata[] = []
  readonly #calls: Stream[] = []
  readonly #server = new Server()
  port = 0

  async start(authority: TestAuthority, as = CONTROL_PLANE): Promise<void> {
    const same = (bytes: Buffer) => bytes
    const method = {
      path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      requestStream: true,
      responseStream: true,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    } as const
    this.#server.addService({ open: method }, { open: (call: Stream) => this.#hear(call) })
    const { chain, privateKey } = authority.issue(as)
    const pair = { cert_chain: Buffer.from(chain), private_key: Buffer.from(privateKey.reveal()) }
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const at = `127.0.0.1:${this.port}`
    this.#server.bindAsync(at, ServerCredentials.createSsl(null, [pair], false), (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
    this.port = await promise
  }

  tokens(): readonly string[] {
    return this.shown.flatMap(metadata => metadata.get('authorization').map(String))
  }

  endStreams(): void {
    for (const call of this.#calls.splice(0)) call.end()
  }

  stop(): void {
    this.#server.forceShutdown()
  }

  #hear(call: Stream): void {
    this.shown.push(call.metadata)
    this.#calls.push(call)
    call.on('data', () => {})
    call.on('error', () => {})
  }
}

describe('a proxy with a token', { skip: binary === undefined ? 'no Envoy binary: set ENVOY' : false }, () => {
  const volume = new Volume()
  const own = temporaryFolder()
  const authority = new TestAuthority()
  const files = tokenFiles(volume.path, own)
  const started: { stop(): void | Promise<void> }[] = []
  after(async () => {
    for (const one of started) await one.stop()
  })

  function proxyOf(listener: Listener): EnvoyProcess {
    for (const [path, content] of tokenDescriptions(files)) writeFileSync(path, JSON.stringify(content))
    const security = { kind: 'token', files, server: CONTROL_PLANE } as const
    const xds = { address: '127.0.0.1', port: listener.port, security }
    const envoy = EnvoyProcess.start(binary ?? '', path =>
      bootstrap({ nodeId: 'web-1.shop', nodeCluster: 'shop/web', admin: { kind: 'socket', path }, xds }),
    )
    started.push(envoy, listener)
    return envoy
  }

  const roots = (...authorities: TestAuthority[]) =>
    authorities.flatMap(one => one.bundle('cluster.local').roots).join('')

  test('every stream bears what the file holds when it begins, and no dump shows it', async () => {
    const listener = new Listener()
    await listener.start(authority)
    volume.put({ token: 'eyJ.first.one', 'roots.pem': roots(authority) })
    const envoy = proxyOf(listener)
    await until('a first stream', async () => listener.shown.length === 1)
    const dump = (await envoy.admin('/config_dump?include_eds')).body
    assert.match(dump, /xds-token/, 'the secret is in the dump')
    assert.doesNotMatch(dump, /eyJ\.first/)
    volume.put({ token: 'eyJ.second.one\n', 'roots.pem': roots(authority) })
    await until('the new token is borne', async () => {
      listener.endStreams()
      return listener.tokens().includes('Bearer eyJ.second.one')
    })
    const seen = listener.tokens()
    assert.deepEqual([...new Set(seen)], ['Bearer eyJ.first.one', 'Bearer eyJ.second.one'])
    assert.ok(listener.shown.every(metadata => metadata.get('authorization').length === 1))
    assert.doesNotMatch(envoy.log(), /eyJ/)
  })

  test('a control plane of a new root is believed once the bundle names it, without a restart', async () => {
    const next = new TestAuthority()
    const before = new Listener()
    await before.start(authority)
    volume.put({ token: 'eyJ.third.one', 'roots.pem': roots(authority) })
    const envoy = proxyOf(before)
    await until('a first stream', async () => before.shown.length === 1)
    before.stop()
    const later = new Listener()
    later.port = before.port
    await later.start(next)
    started.push(later)
    await until('the stranger is refused', async () => /ssl\.fail_verify_error/.test(await connectionErrors(envoy)))
    assert.equal(later.shown.length, 0)
    volume.put({ token: 'eyJ.third.one', 'roots.pem': roots(authority, next) })
    await until('the new root is believed', async () => later.shown.length > 0, 60_000)
  })

  test('a token is never shown to a server of the same roots that is not the control plane', async () => {
    const impostor = new Listener()
    await impostor.start(authority, identity('web'))
    volume.put({ token: 'eyJ.fourth.one', 'roots.pem': roots(authority) })
    const envoy = proxyOf(impostor)
    await until('it was tried', async () => /ssl\.fail_verify_san: [1-9]/.test(await connectionErrors(envoy)))
    assert.equal(impostor.shown.length, 0)
  })
})

async function connectionErrors(envoy: EnvoyProcess): Promise<string> {
  const { body } = await envoy.admin('/stats?filter=cluster.xds.ssl')
  return body
    .split('\n')
    .filter(line => !line.endsWith(': 0'))
    .join('\n')
}
