/** Questions to a proxy by its admin socket. */
import { request } from 'node:http'

export interface AdminAnswer {
  readonly status: number
  readonly body: string
}

/** Undefined where there is no proxy. One that is too busy to answer in time is there all the same: 504. */
export async function askAdmin(
  socketPath: string,
  path: string,
  method: 'GET' | 'POST' = 'GET',
): Promise<AdminAnswer | undefined> {
  const { promise, resolve } = Promise.withResolvers<AdminAnswer | undefined>()
  // A connection of its own: one that is kept for later would outlive the proxy.
  const call = request({ socketPath, path, method, agent: false, timeout: ANSWER_MS }, response => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('error', () => resolve(undefined)) // it ends while it answers
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
  })
  call.on('timeout', () => {
    resolve({ status: 504, body: '' })
    call.destroy()
  })
  call.on('error', () => resolve(undefined))
  call.end()
  return await promise
}

const ANSWER_MS = 2_000
