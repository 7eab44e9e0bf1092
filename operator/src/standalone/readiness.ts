/** Whether an application answers: a connection, or one HTTP request. */
import { request } from 'node:http'
import { connect } from 'node:net'
import type { Ip } from '@smi-mesh/dataplane/mesh'
import type { Container } from './pod-spec.ts'

const TIMEOUT_MS = 1_000

/** Whether a container is ready, asked at the address it listens at. */
export async function isContainerReady(container: Container, address: Ip): Promise<boolean> {
  const { readiness } = container
  switch (readiness.kind) {
    case 'listening':
      return (await Promise.all(container.ports.map(port => accepts(address, port)))).every(Boolean)
    case 'tcp':
      return accepts(address, readiness.port)
    case 'http':
      return answers({ host: address, port: readiness.port, path: readiness.path, headers: readiness.headers })
  }
}

/** Whether someone takes a connection. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.setTimeout(TIMEOUT_MS, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}

interface HttpTarget {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Whether a GET is answered with 200 to 399, as a probe of Kubernetes asks. */
async function answers(target: HttpTarget): Promise<boolean> {
  const answer = await ask(target)
  return answer !== undefined && answer.status >= 200 && answer.status < 400
}

interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** One request on a connection of its own; undefined where there is no answer in time. */
export function ask(target: HttpTarget): Promise<HttpAnswer | undefined> {
  return new Promise(resolve => {
    const options = { agent: false, timeout: TIMEOUT_MS, ...target }
    const asked = request(options, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString('utf8') }),
      )
      response.on('error', () => resolve(undefined))
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(undefined))
    asked.end()
  })
}
