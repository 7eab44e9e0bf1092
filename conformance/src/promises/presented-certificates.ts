/** The certificates that pods show to whoever connects, as they are seen from the node, second by second. */
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Cluster } from '../harness/cluster.ts'

export interface Sight {
  readonly ip: string
  readonly at: number
  readonly notAfter: number
  readonly serial: string
}

export interface Look {
  sights(): readonly Sight[]
  stop(): Promise<void>
}

/** Looks at port 8080 of pods by their addresses. */
export function startLook(cluster: Cluster, ips: readonly string[]): Look {
  const script = join(import.meta.dirname, 'look.ts')
  const child = cluster.inNode(process.execPath, [script, ...ips], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const sights: Sight[] = []
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', line => {
      const [ip = '', at, notAfter, serial = ''] = line.split(' ')
      sights.push({ ip, at: Number(at), notAfter: Number(notAfter), serial })
    })
  }
  return {
    sights: () => sights,
    stop: async () => {
      child.kill()
      await ended
    },
  }
}
