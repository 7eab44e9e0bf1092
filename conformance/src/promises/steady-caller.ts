/** Calls that a pod makes again and again, and what came of each. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Cluster } from '../harness/cluster.ts'
import { KUBECTL } from '../harness/mesh.ts'

export interface SteadyCall {
  readonly name: string
  readonly url: string
  readonly everyMs: number
  readonly keep: boolean
}

export interface Heard {
  readonly call: string
  /** By the clock of this machine, which is the pod's. */
  readonly at: number
  /** `200:web-v1`, `403`, `error:ECONNRESET`; of bytes `spoke` or `closed`. */
  readonly outcome: string
  readonly connection: string
}

export interface SteadyCaller {
  heard(call: string): readonly Heard[]
  stop(): Promise<void>
}

/** Starts the calls in container `app` of a pod that has the script of `conformance/app/steady.ts` in /scripts. */
export function startCaller(cluster: Cluster, pod: string, calls: readonly SteadyCall[]): SteadyCaller {
  const [namespace = '', name = ''] = pod.split('/')
  const place = ['--kubeconfig', cluster.kubeconfig, 'exec', '-i', '-n', namespace, name, '-c', 'app', '--']
  const child = spawn(KUBECTL, [...place, 'node', '/scripts/steady.ts', JSON.stringify(calls)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  const heard: Heard[] = []
  createInterface(child.stdout).on('line', line => {
    const [call = '', at, outcome = '', connection = ''] = line.split(' ')
    heard.push({ call, at: Number(at), outcome, connection })
  })
  return {
    heard: call => heard.filter(one => one.call === call),
    stop: async () => {
      child.stdin.end()
      const slow = setTimeout(() => child.kill(), 5_000)
      await ended
      clearTimeout(slow)
    },
  }
}
