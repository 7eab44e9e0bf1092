/** Replicas of the operator as processes of this machine, on ports of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { until } from './until.ts'

const MAIN = resolve(import.meta.dirname, '../../../operator/src/main.ts')
const DEADLINE_MS = 60_000

export interface Replica {
  readonly process: ChildProcess
  readonly identity: string
  /** Where health and numbers are answered. */
  readonly health: string
  /** Where proxies connect; undefined until they are served. */
  xdsPort(): number | undefined
  /** What it has logged. */
  log(): string
  /** What `/readyz` says. */
  readiness(): Promise<{ readonly status: number; readonly text: string }>
  isReady(): Promise<boolean>
  /** A number of its metrics, summed over labels; 0 where it has none of the name. */
  metric(name: string): Promise<number>
  ended(): Promise<number | null>
}

export interface ReplicaStart {
  readonly kubeconfig: string
  readonly identity: string
  /** Before the arguments of every replica: how the program is run. */
  readonly command?: readonly [string, ...string[]]
  readonly more?: readonly string[]
}

/** Resolves once its health is answered; what else it waits for, it says there. */
export async function startReplica({ kubeconfig, identity, command, more = [] }: ReplicaStart): Promise<Replica> {
  const addresses = ['xds', 'health', 'admin', 'webhook'].flatMap(which => [`--${which}-address`, '127.0.0.1:0'])
  const [program, ...before] = [...(command ?? []), process.execPath, MAIN]
  const words = [...before, 'operator', '--kubeconfig', kubeconfig, '--identity', identity, ...addresses, ...more]
  const child = spawn(program ?? process.execPath, words, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text
  })
  const ending = once(child, 'exit')
  const said = (pattern: RegExp) => pattern.exec(log)?.[1]
  await until(
    `${identity} answers`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${identity} has ended with ${child.exitCode}.\n${log}`)
      return said(/ event=starting health=(\d+)/) !== undefined
    },
    DEADLINE_MS,
  )
  const health = `http://127.0.0.1:${said(/ event=starting health=(\d+)/)}`
  const readiness = async () => {
    const answer = await fetch(`${health}/readyz`)
    return { status: answer.status, text: await answer.text() }
  }
  return {
    process: child,
    identity,
    health,
    xdsPort: () => {
      const port = said(/ event=serving xds=(\d+)/)
      return port === undefined ? undefined : Number(port)
    },
    log: () => log,
    readiness,
    isReady: async () => (await readiness()).status === 200,
    metric: async name => {
      const lines = (await (await fetch(`${health}/metrics`)).text()).split('\n')
      const found = lines.filter(line => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
    ended: async () => {
      const [status] = await ending
      return typeof status === 'number' ? status : null
    },
  }
}
