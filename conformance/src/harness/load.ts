/** A client in a pod that never stops asking (`conformance/app/load.ts`), and what became of all that it asked. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CHECKOUT } from './installer.ts'

/** A Deployment of one such client, with the program that it runs. */
export function loadManifest(namespace: string, url: string, rate: number): string {
  const program = readFileSync(join(CHECKOUT, 'conformance/app/load.ts'), 'utf8')
  const container = {
    name: 'load',
    image: 'localhost/smi-mesh-test/echo:1',
    command: ['node', '/app/load.ts'],
    env: [
      { name: 'URL', value: url },
      { name: 'RATE', value: String(rate) },
    ],
    volumeMounts: [{ name: 'app', mountPath: '/app' }],
  }
  const template = {
    metadata: { labels: { app: 'load' } },
    spec: {
      serviceAccountName: 'load',
      containers: [container],
      volumes: [{ name: 'app', configMap: { name: 'load' } }],
    },
  }
  const at = { name: 'load', namespace }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: at },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: at, data: { 'load.ts': program } },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: at,
        spec: { selector: { matchLabels: { app: 'load' } }, template },
      },
    ],
  })
}

/** What one client has done so far. */
export interface LoadSeen {
  readonly sent: number
  readonly failed: readonly string[]
  /** Who answered in the last second. */
  readonly lately: Readonly<Record<string, number>>
}

/** Follows what a client prints, until it ends or this is stopped. */
export class LoadFollower {
  readonly #child: ChildProcess
  readonly #failed: string[] = []
  #sent = 0
  #lately: Readonly<Record<string, number>> = {}

  constructor(kubeconfig: string, namespace: string, pod: string) {
    const kubectl = join(CHECKOUT, '.tools/bin/kubectl')
    const words = ['--kubeconfig', kubeconfig, '-n', namespace, 'logs', '--follow', '--tail=-1', pod, '-c', 'load']
    this.#child = spawn(kubectl, words, { stdio: ['ignore', 'pipe', 'ignore'] })
    if (this.#child.stdout === null) throw new Error('kubectl has no output.')
    createInterface({ input: this.#child.stdout }).on('line', line => {
      const { sent, answered, failed } = JSON.parse(line)
      this.#sent = sent
      this.#lately = answered
      this.#failed.push(...failed)
    })
  }

  get seen(): LoadSeen {
    return { sent: this.#sent, failed: this.#failed, lately: this.#lately }
  }

  stop(): void {
    this.#child.kill()
  }
}
