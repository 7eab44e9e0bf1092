/** `smictl up` as a child process, as a user would run it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'

export interface RunningMesh {
  readonly storefront: URL
  stop(): Promise<void>
}

const SMICTL = join(import.meta.dirname, '../bin/smictl')
const START_MS = 60_000

/** Resolves once the storefront answers. */
export async function startMesh(folder: string, state: string): Promise<RunningMesh> {
  const port = await freePort()
  const args = ['up', folder, '--no-table', '--state-dir', state, '--admin-address', `127.0.0.1:${port}`]
  const child = spawn(SMICTL, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', part => (said += part))
  try {
    const storefront = await waitFor(() => storefrontOf(port), child)
    await waitFor(() => answers(storefront), child)
    return { storefront, stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw new Error(`smictl up did not get ready. It said:\n${said}`, { cause: error })
  }
}

/** The same folder on the terminal, with its live table, until Ctrl-C. */
export async function showMesh(folder: string, state: string): Promise<void> {
  const child = spawn(SMICTL, ['up', folder, '--state-dir', state], { stdio: 'inherit' })
  process.on('SIGINT', () => {}) // the terminal tells the child as well; it ends first
  await once(child, 'exit')
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Where the storefront's proxy listens, as the mesh knows it; undefined until it is ready. */
async function storefrontOf(port: number): Promise<URL | undefined> {
  const response = await fetch(`http://127.0.0.1:${port}/debug/mesh`)
  const mesh = (await response.json()) as {
    readonly endpoints?: Readonly<Record<string, { readonly endpoints: readonly { ip: string; port: number }[] }>>
  }
  const ready = Object.values(mesh.endpoints ?? {}).every(({ endpoints }) => endpoints.length > 0)
  const endpoint = mesh.endpoints?.['web/storefront:8080']?.endpoints[0]
  return ready && endpoint !== undefined ? new URL(`http://${endpoint.ip}:${endpoint.port}/checkout`) : undefined
}

async function answers(url: URL): Promise<true | undefined> {
  const response = await fetch(new URL('/', url))
  await response.text()
  return response.ok ? true : undefined
}

async function waitFor<T>(look: () => Promise<T | undefined>, child: ChildProcess): Promise<T> {
  const deadline = performance.now() + START_MS
  while (performance.now() < deadline && child.exitCode === null) {
    const found = await look().catch(() => undefined)
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(child.exitCode === null ? 'It took longer than a minute.' : `It ended with ${child.exitCode}.`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
