/** Real Envoys for tests, each ended by whoever started it. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, globSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JsonValue } from '../../proto/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

const BUNDLED = '.tools/envoy-venv/lib/python3*/site-packages/envoy/_bin/envoy'

/** The binary that `ENVOY` names, or the workspace's; undefined where there is none. */
export function envoyBinary(): string | undefined {
  const root = join(import.meta.dirname, '../../../..')
  return process.env['ENVOY'] ?? globSync(BUNDLED, { cwd: root }).map(path => join(root, path))[0]
}

const FLAGS = ['--disable-hot-restart', '--concurrency', '1', '--log-level', 'warning']

/** What Envoy has against a configuration; empty if nothing. */
export function validate(binary: string, config: JsonValue): string {
  const path = join(temporaryFolder(), 'envoy.json')
  writeFileSync(path, JSON.stringify(config))
  const { status, stderr } = spawnSync(binary, ['--mode', 'validate', '-c', path, ...FLAGS], { encoding: 'utf8' })
  return status === 0 ? '' : stderr
}

export class EnvoyProcess {
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(child: ChildProcess, folder: string) {
    this.#child = child
    this.#folder = folder
  }

  /** `configure` is given the path of the admin socket it must name. */
  static start(binary: string, configure: (adminSocket: string) => JsonValue): EnvoyProcess {
    const folder = temporaryFolder()
    const config = join(folder, 'envoy.json')
    writeFileSync(config, JSON.stringify(configure(join(folder, 'admin.sock'))))
    const output = openSync(join(folder, 'access.log'), 'w')
    const flags = [...FLAGS, '--file-flush-interval-msec', '50', '--log-path', join(folder, 'envoy.log')]
    const child = spawn(binary, ['-c', config, ...flags], { stdio: ['ignore', output, 'ignore'] })
    closeSync(output)
    return new EnvoyProcess(child, folder)
  }

  log(): string {
    return readFileSync(join(this.#folder, 'envoy.log'), 'utf8')
  }

  /** The lines written so far, whole ones. */
  accessLog(): readonly Readonly<Record<string, unknown>>[] {
    const lines = readFileSync(join(this.#folder, 'access.log'), 'utf8').split('\n').slice(0, -1)
    return lines.map(line => JSON.parse(line))
  }

  async admin(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
    const call = request({ socketPath: join(this.#folder, 'admin.sock'), path }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
    })
    call.on('error', reject)
    call.end()
    return await promise
  }

  async ready(): Promise<void> {
    await until('Envoy is ready', async () => (await this.admin('/ready')).status === 200)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}

/** Waits for a condition; a probe that throws means "not yet". */
export async function until(what: string, probe: () => Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs
  let last: unknown
  while (Date.now() < deadline) {
    try {
      if (await probe()) return
      last = undefined
    } catch (error) {
      last = error
    }
    await pause(25)
  }
  throw new Error(`${what}: not within ${withinMs} ms.`, { cause: last })
}
