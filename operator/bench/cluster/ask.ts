/** Plain requests to an API server, each with the time that its answer took. Made for loads: nothing is retried, few at once. */
import { type RequestOptions, request } from 'node:https'
import { performance } from 'node:perf_hooks'
import type { Connection } from '../../src/kubernetes/index.ts'

export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH'
  readonly path: string
  readonly body?: object
  readonly contentType?: string
}

export interface Told {
  readonly status: number
  readonly body: string
  /** From before the first byte was sent to after the last one had come. */
  readonly ms: number
}

export type Ask = (asked: Asked) => Promise<Told>

/** Asks with the credentials of a kubeconfig. */
export function asking(connection: Connection): Ask {
  return async asked => {
    const { hostname, port } = connection.server
    return await sent(asked, { ...(await connection.options()), hostname, port })
  }
}

/** Answers of any status; rejects where there is none. */
export function sent({ method, path, body, contentType }: Asked, options: RequestOptions): Promise<Told> {
  const began = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<Told>()
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    ...options.headers,
    ...(text === ''
      ? {}
      : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const under = request({ ...options, method, path, headers, timeout: 30_000 }, response => {
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    response.on('error', reject)
    response.on('end', () => {
      const { statusCode: status = 0 } = response
      resolve({ status, body: Buffer.concat(chunks).toString('utf8'), ms: performance.now() - began })
    })
  })
  under.on('timeout', () => under.destroy(new Error(`${method} ${path}: no answer within 30 s.`)))
  under.on('error', reject)
  under.end(text)
  return promise
}

/** The JSON of a good answer. */
export async function told(ask: Ask, asked: Asked): Promise<unknown> {
  const { status, body } = await ask(asked)
  if (status < 200 || status > 299) throw new Error(`${asked.method} ${asked.path}: ${status} ${body.slice(0, 500)}`)
  return JSON.parse(body)
}

/** All of them, few at once. */
export async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items].reverse()
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
