/**
 * A way to an API server that stays open: `kubectl proxy` at a socket that nobody else can open. A kubeconfig of any kind is
 * enough for it, and a question costs no process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fields } from '../../oracle/read.ts'
import type { RawObject } from '../../world.ts'

export interface Question {
  readonly method: 'GET' | 'PATCH' | 'DELETE' | 'PUT'
  readonly path: string
  readonly body?: { readonly type: string; readonly text: string }
}

export interface Reply {
  readonly status: number
  readonly body: RawObject
}

export interface ApiServer {
  /** Whatever it says, refusals included. */
  ask(question: Question): Promise<Reply>
  stop(): Promise<void>
}

/** As long as an API server that starts webhooks may take. */
const PATIENCE_MS = 120_000
const START_MS = 30_000

/** `env`: with the search path on which kubectl is, and KUBECONFIG. */
export async function apiServer(env: NodeJS.ProcessEnv): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'smi-conformance-')) // for its owner alone
  const socketPath = join(folder, 'api')
  // Ends with whoever holds its input, in whatever way that ends.
  const script = 'kubectl proxy --unix-socket="$0" </dev/null & cat >/dev/null; kill $!; wait'
  const child = spawn('bash', ['-c', script, socketPath], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  let complained = ''
  child.stderr.setEncoding('utf8').on('data', said => {
    complained += said
  })
  const ended = once(child, 'close')
  const agent = new Agent({ keepAlive: true })
  const stop = async () => {
    agent.destroy()
    child.stdin.end()
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  // It says where it listens, and nothing else ever.
  const late = AbortSignal.timeout(START_MS)
  const begun = await Promise.race([once(child.stdout, 'data', { signal: late }).then(() => true), ended]).catch(
    () => 0,
  )
  if (begun !== true) {
    await stop()
    throw new Error(`kubectl proxy did not start: ${complained.trim() || 'it said nothing for a while'}`)
  }
  return { ask: question => exchange({ socketPath, agent }, question), stop }
}

interface Way {
  readonly socketPath: string
  readonly agent: Agent
}

function exchange(way: Way, { method, path, body }: Question): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const headers = { host: 'localhost', ...(body === undefined ? {} : { 'content-type': body.type }) }
  const asked = request({ ...way, method, path, headers, timeout: PATIENCE_MS }, response => {
    text(response).then(said => resolve({ status: response.statusCode ?? 0, body: parsed(said) }), reject)
  })
  asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: the API server did not answer.`)))
  asked.on('error', reject)
  asked.end(body?.text)
  return promise
}

/** What is no JSON comes from somebody between us and the server. */
function parsed(said: string): RawObject {
  try {
    return fields(JSON.parse(said))
  } catch {
    return { message: said.trim() }
  }
}
