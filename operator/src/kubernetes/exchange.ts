/** One request over HTTP and what comes back. Knows deadlines, silence and broken connections; objects are the client's business. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { MeshError, systemCode } from '../mesh-error.ts'
import type { Connection } from './connection.ts'
import { refused, unreachable } from './failure.ts'
import { Lines } from './lines.ts'

export interface Ask {
  /** In words, for errors: `reading pods`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Path and query. */
  readonly path: string
  readonly body?: { readonly contentType: string; readonly text: string }
  readonly signal?: AbortSignal | undefined
  /** To the end of the answer; for a stream, to its beginning. */
  readonly timeoutMs: number
}

export interface Stream {
  /** Whole lines, as many as came at once. */
  readonly onLines: (lines: readonly string[]) => void
  /** The answer has begun. */
  readonly onOpen?: () => void
  /** A connection on which nothing comes for so long is taken for dead. */
  readonly silenceMs: number
}

/** Generous: the largest object that etcd takes is 1.5 MB, and a page of a list holds hundreds. */
const LONGEST_BODY = 256 * 1024 * 1024
const LONGEST_LINE = 16 * 1024 * 1024
const TCP_KEEP_ALIVE_MS = 15_000

/** The body of a successful answer. */
export function exchange(connection: Connection, ask: Ask): Promise<string> {
  return attempted(connection, ask, response => bodyOf(response, LONGEST_BODY))
}

/** Follows an answer line by line; resolves when the server ends it in good order. */
export async function follow(connection: Connection, ask: Ask, stream: Stream): Promise<void> {
  await attempted(connection, ask, (response, clearDeadline) => {
    clearDeadline()
    stream.onOpen?.()
    return linesOf(response, stream)
  })
}

type Read<T> = (response: IncomingMessage, clearDeadline: () => void) => Promise<T>

/** A kept connection may have been closed by the other side just now; whoever changes nothing twice may ask again. */
async function attempted<T>(connection: Connection, ask: Ask, read: Read<T>): Promise<T> {
  const seen = { reused: false, answered: false }
  try {
    return await once(connection, ask, read, seen)
  } catch (error) {
    const cause = error instanceof MeshError ? error.cause : undefined
    const stale = seen.reused && !seen.answered && ['ECONNRESET', 'EPIPE'].includes(systemCode(cause) ?? '')
    if (!stale || ask.method === 'POST') throw error
    return await once(connection, ask, read, seen)
  }
}

async function once<T>(
  connection: Connection,
  ask: Ask,
  read: Read<T>,
  seen: { reused: boolean; answered: boolean },
): Promise<T> {
  const { what, signal } = ask
  signal?.throwIfAborted()
  const request = await begin(connection, ask)
  const abort = () => request.destroy(new Error('aborted'))
  const deadline = setTimeout(() => request.destroy(new Error(`no answer within ${ask.timeoutMs} ms`)), ask.timeoutMs)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted === true) abort() // while the credentials were fetched
  try {
    const response = await answerTo(request, ask)
    seen.answered = true
    const { statusCode: status = 0, headers } = response
    connection.heard(headers.date)
    if (status >= 200 && status < 300) return await read(response, () => clearTimeout(deadline))
    const body = await bodyOf(response, LONGEST_LINE)
    throw refused(what, { status, body, retryAfter: headers['retry-after'] })
  } catch (error) {
    seen.reused = request.reusedSocket
    signal?.throwIfAborted() // stopping is no failure of the server
    throw error instanceof MeshError ? error : unreachable(what, error)
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', abort)
    // An answer that was not read to its end must not go back to the pool; one that was has let go of its socket.
    if (!request.closed) request.destroy()
  }
}

async function begin(connection: Connection, { what, method, path, body }: Ask): Promise<ClientRequest> {
  const options = await connection.options().catch((cause: unknown) => {
    const message = `There are no credentials for ${what}: ${cause instanceof Error ? cause.message : String(cause)}.`
    throw new MeshError('ApiUnauthenticated', message, { cause })
  })
  const { server } = connection
  const headers = {
    accept: 'application/json',
    'user-agent': 'smi-mesh',
    ...(body === undefined
      ? {}
      : { 'content-type': body.contentType, 'content-length': String(Buffer.byteLength(body.text)) }),
    ...options.headers,
  }
  const start = server.protocol === 'http:' ? httpRequest : httpsRequest
  return start({
    ...options,
    method,
    headers,
    hostname: server.hostname.replace(/^\[|\]$/g, ''),
    port: server.port,
    path: `${server.pathname.replace(/\/$/, '')}${path}`,
  })
}

function answerTo(request: ClientRequest, { body }: Ask): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('socket', socket => socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS))
    request.on('response', resolve)
    request.on('error', reject)
    request.end(body?.text)
  })
}

async function bodyOf(response: IncomingMessage, longest: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    if (!(chunk instanceof Buffer)) continue
    length += chunk.length
    if (length > longest) throw new MeshError('ApiUnusable', `The API server's answer is longer than ${longest} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function linesOf(response: IncomingMessage, { onLines, silenceMs }: Stream): Promise<void> {
  const lines = new Lines(LONGEST_LINE)
  return new Promise((resolve, reject) => {
    const silent = setTimeout(() => response.destroy(new Error(`nothing came for ${silenceMs} ms`)), silenceMs)
    const end = (settle: () => void) => {
      clearTimeout(silent)
      settle()
    }
    response.on('data', (chunk: Buffer) => {
      silent.refresh()
      try {
        const whole = lines.add(chunk)
        if (whole.length > 0) onLines(whole)
      } catch (error) {
        response.destroy()
        end(() => reject(error))
      }
    })
    response.on('end', () => end(resolve))
    response.on('error', error => end(() => reject(error)))
    response.on('close', () => end(() => reject(new Error('the connection was closed'))))
  })
}
