/**
 * What many proxies cost: memory of a stream, the time from a change to the last ACK, the event loop meanwhile, and what a
 * reconnect of all sends when nothing changed. The proxies run in a process of their own, on the same machine.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { DEFAULT_MESH_CONFIG, spiffeId } from '@smi-mesh/dataplane/mesh'
import { type ControlPlane, startControlPlane } from '../src/control-plane.ts'
import { Authority, controlPlaneIdentity, fileStores, Issuer, serverCredentials } from '../src/identity/index.ts'
import { MemorySource } from '../src/sources/index.ts'
import type { Command, ProxySpec, Report } from './proxies.ts'
import { quantile } from './statistics.ts'
import { namespaceOf, podName, split, world } from './world.ts'

export interface FanOut {
  readonly services: number
  readonly streams: number
  readonly resourcesPerStream: number
  /** A stream's share of what the process grew by, and of what it grew by for the second half of them: heaps grow in leaps. */
  readonly rssKb: { readonly ofAll: number; readonly ofSecondHalf: number }
  /** Proxies that the changed service concerns: those that may call it. */
  readonly writtenPerChange: number
  readonly changeToLastAckMs: { readonly p50: number; readonly p99: number }
  /** One change that concerns every proxy. */
  readonly allWritten: number
  readonly allToLastAckMs: { readonly p50: number; readonly p99: number }
  readonly cpuMsPerWrite: number
  /** Of a push: the median of the rounds. */
  readonly loopDelayP99Ms: number
  readonly reconnect: { readonly resources: number; readonly bytes: number; readonly ms: number }
}

const ROUNDS = 30

export async function fanOut(services: number, streams: number): Promise<FanOut> {
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
    const connect = async (most: number) => {
      await command(child, { kind: 'connect', address, ...files, most })
      await until(() => plane.counters().streams === most && isAtRest(plane))
    }
    const rss = await rssPerStream(streams, connect)
    const resources = plane.counters().resources
    const one = await rounds(plane, round => source.put(split(10, round + 1)))
    source.put(...everyone())
    await until(() => isAtRest(plane))
    const all = await rounds(plane, round => source.put(splitOfEveryone(round + 1)))
    const before = plane.counters()
    await command(child, { kind: 'disconnect' })
    await until(() => plane.counters().streams === 0)
    const began = performance.now()
    await connect(streams)
    const after = plane.counters()
    return {
      services,
      streams,
      resourcesPerStream: Math.round(resources / streams),
      rssKb: rss,
      writtenPerChange: one.written,
      changeToLastAckMs: one.ackMs,
      allWritten: all.written,
      allToLastAckMs: all.ackMs,
      cpuMsPerWrite: all.cpuMsPerWrite,
      loopDelayP99Ms: Math.max(one.loopDelayP99Ms, all.loopDelayP99Ms),
      reconnect: {
        resources: after.resources - before.resources,
        bytes: after.bytes - before.bytes,
        ms: performance.now() - began,
      },
    }
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
      const timer = (callback: () => void, ms: number) => {
        const handle = setTimeout(callback, ms)
        return () => clearTimeout(handle)
      }
      const options = { authority, certificates, bundle, onChange, bundleHeld, onEvent: () => {} }
      issuer = new Issuer({ ...options, now: Date.now, random: Math.random, setTimer: timer })
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

/** Changes one after the other, each waited for until every proxy concerned has acknowledged it. */
async function rounds(plane: ControlPlane, change: (round: number) => void) {
  const times: number[] = []
  const delays: number[] = []
  let written = 0
  const cpu = process.cpuUsage()
  for (let round = 0; round < ROUNDS; round++) {
    await quiet()
    await until(() => isAnswered(plane))
    const { pushes } = plane.counters()
    const began = performance.now()
    // A new one each time: switched off and on again, it would count the pause as a delay.
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    change(round)
    await until(() => plane.counters().pushes > pushes && isAnswered(plane))
    times.push(performance.now() - began)
    delay.disable()
    delays.push(delay.percentile(99) / 1e6)
    written = plane.counters().pushes - pushes
  }
  const { user, system } = process.cpuUsage(cpu)
  return {
    written,
    ackMs: { p50: quantile(times, 0.5), p99: quantile(times, 0.99) },
    cpuMsPerWrite: (user + system) / 1000 / ROUNDS / written,
    loopDelayP99Ms: quantile(delays, 0.5),
  }
}

async function rssPerStream(streams: number, connect: (most: number) => Promise<void>): Promise<FanOut['rssKb']> {
  const half = Math.floor(streams / 2)
  const none = await rssAtRest()
  await connect(half)
  const some = await rssAtRest()
  await connect(streams)
  const all = await rssAtRest()
  return { ofAll: (all - none) / 1000 / streams, ofSecondHalf: (all - some) / 1000 / (streams - half) }
}

/** What is let go of only after a collection, sockets of handshakes among it, is collected by the second one. */
async function rssAtRest(): Promise<number> {
  globalThis.gc?.()
  await quiet()
  globalThis.gc?.()
  await quiet()
  return process.memoryUsage().rss
}

/** Longer than the holdoff: a change on its own, not one of a burst. */
async function quiet(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  setTimeout(resolve, 60)
  await promise
}

/** A service that everyone may know of, since its namespace has no access control. */
function everyone(): readonly object[] {
  const service = (name: string, last: number) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'everyone' },
    spec: { clusterIP: `172.31.0.${last}`, ports: [{ name: 'http', port: 80 }] },
  })
  const annotations = { 'smi-mesh.dev/access': 'permissive' }
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'everyone', annotations } },
    service('apex', 1),
    service('blue', 2),
    service('green', 3),
    splitOfEveryone(0),
  ]
}

function splitOfEveryone(round: number): object {
  const backends = [
    { service: 'blue', weight: 100 + round },
    { service: 'green', weight: 100 },
  ]
  return {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata: { name: 'split', namespace: 'everyone' },
    spec: { service: 'apex', backends },
  }
}

function isAnswered(plane: ControlPlane): boolean {
  const { pushes, acks, nacks } = plane.counters()
  return pushes === acks + nacks
}

function isAtRest(plane: ControlPlane): boolean {
  return plane.proxies().every(proxy => !proxy.lagging && proxy.types.length >= 4)
}

async function command(child: ChildProcess, message: Command): Promise<Report> {
  const { promise, resolve } = Promise.withResolvers<Report>()
  child.once('message', report => resolve(report as Report))
  child.send(message)
  return await promise
}

/** Looks once in a turn of the event loop, so that looking costs next to nothing. */
async function until(claim: () => boolean, withinMs = 120_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!claim()) {
    if (performance.now() > deadline) throw new Error('It took longer than two minutes.')
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, 1)
    await promise
  }
}
