/**
 * What many proxies cost: the time from a change to the last ACK, the event loop meanwhile, and what a reconnect of all sends
 * when nothing changed.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { ControlPlane } from '../src/control-plane.ts'
import { isAtRest, quiet, until, withManyProxies } from './many-proxies.ts'
import { quantile } from './statistics.ts'
import { split } from './world.ts'

export interface FanOut {
  readonly services: number
  readonly streams: number
  readonly resourcesPerStream: number
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
  return await withManyProxies(services, streams, async ({ source, plane, connect, disconnect }) => {
    await connect(streams)
    const { resources } = plane.counters()
    const one = await rounds(plane, round => source.put(split(10, round + 1)))
    source.put(...everyone())
    await until(() => isAtRest(plane))
    const all = await rounds(plane, round => source.put(splitOfEveryone(round + 1)))
    const before = plane.counters()
    await disconnect()
    const began = performance.now()
    await connect(streams)
    const after = plane.counters()
    return {
      services,
      streams,
      resourcesPerStream: Math.round(resources / streams),
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
  })
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
