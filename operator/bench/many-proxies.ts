/** A control plane with many proxies, which run in a process of their own on the same machine: what the measurements share. */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { DEFAULT_MESH_CONFIG, spiffeId } from '@smi-mesh/dataplane/mesh'
import { type ControlPlane, startControlPlane } from '../src/control-plane.ts'
import { Authority, controlPlaneIdentity, fileStores, Issuer, serverCredentials } from '../src/identity/index.ts'
import { setTimer } from '../src/real-timer.ts'
import { MemorySource } from '../src/sources/index.ts'
import type { Command, ProxySpec, Report } from './proxies.ts'
import { namespaceOf, podName, world } from './world.ts'

export interface ManyProxies {
  readonly source: MemorySource
  readonly plane: ControlPlane
  /** So many of them in all, until each has everything. */
  readonly connect: (most: number) => Promise<void>
  readonly disconnect: () => Promise<void>
}

/** `streams` proxies of a mesh of `services`, none connected yet; ended when `use` is done. */
export async function withManyProxies<T>(
  services: number,
  streams: number,
  use: (proxies: ManyProxies) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'smi-mesh-bench-'))
  const source = new MemorySource(world({ services, podsPerService: 1 }))
  const authority = await Authority.open({
    trustDomain: DEFAULT_MESH_CONFIG.trustDomain,
    store: fileStores(join(folder, 'state')).authority,
    now: Date.now,
  })
  const { plane, stop } = await control(source, authority)
  const child = fork(join(import.meta.dirname, 'proxies.ts'))
  try {
    const files = credentials(folder, authority, services, streams)
    const address = `127.0.0.1:${plane.xdsPort}`
    return await use({
      source,
      plane,
      connect: async most => {
        await command(child, { kind: 'connect', address, ...files, most })
        await until(() => plane.counters().streams === most && isAtRest(plane))
      },
      disconnect: async () => {
        await command(child, { kind: 'disconnect' })
        await until(() => plane.counters().streams === 0)
      },
    })
  } finally {
    child.kill()
    await stop()
    rmSync(folder, { recursive: true })
  }
}

async function control(source: MemorySource, authority: Authority) {
  let issuer: Issuer | undefined
  const plane = await startControlPlane({
    source,
    config: DEFAULT_MESH_CONFIG,
    xds: {
      address: '127.0.0.1:0',
      credentials: () => serverCredentials(made(issuer), controlPlaneIdentity(authority.trustDomain)),
      trustPlaintext: false,
    },
    identities: ({ certificates, bundle }, onChange, bundleHeld) => {
      const options = { authority, certificates, bundle, onChange, bundleHeld, onEvent: () => {} }
      issuer = new Issuer({ ...options, now: Date.now, random: Math.random, setTimer })
      return issuer
    },
  })
  return {
    plane,
    stop: async () => {
      await plane.stop()
      await issuer?.stop()
    },
  }
}

function made(issuer: Issuer | undefined): Issuer {
  if (issuer === undefined) throw new Error('The control plane asks for credentials after it made the identities.')
  return issuer
}

function credentials(folder: string, authority: Authority, services: number, streams: number) {
  const specs = Array.from({ length: streams }, (_, n): ProxySpec => {
    const service = n % services
    const id = spiffeId(authority.trustDomain, { namespace: namespaceOf(service), serviceAccount: `sa-${service}` })
    const { certificate } = authority.issue(id)
    const nodeId = `${podName(service, 0)}.${namespaceOf(service)}`
    return { nodeId, proof: { kind: 'certificate', cert: certificate.chain, key: certificate.privateKey.reveal() } }
  })
  const proxies = join(folder, 'proxies.json')
  const ca = join(folder, 'ca.pem')
  writeFileSync(proxies, JSON.stringify(specs), { mode: 0o600 })
  writeFileSync(ca, authority.bundle().roots.join(''))
  return { proxies, ca }
}

/** Longer than the holdoff: a change on its own, not one of a burst. */
export async function quiet(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, 60)
  await promise
}

export function isAtRest(plane: ControlPlane): boolean {
  return plane.proxies().every(proxy => !proxy.lagging && proxy.types.length >= 4)
}

async function command(child: ChildProcess, message: Command): Promise<Report> {
  const { promise, resolve } = Promise.withResolvers<Report>()
  child.once('message', report => resolve(report as Report))
  child.send(message)
  return await promise
}

/** Looks once in a millisecond, which costs next to nothing. */
export async function until(claim: () => boolean, withinMs = 120_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`It took longer than ${withinMs / 1000} s.`)
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, 1)
    await promise
  }
}
