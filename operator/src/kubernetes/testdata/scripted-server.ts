/** An API server that answers as a test tells it: over a real socket, so that it can be cut, stalled and split anywhere. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { KubernetesClient } from '../client.ts'
import { connect } from '../connection.ts'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answering = (asked: Asked, response: ServerResponse) => void | Promise<void>

export interface ScriptedServer {
  readonly client: KubernetesClient
  readonly url: string
  readonly asked: readonly Asked[]
  /** Ends every connection without a word. */
  cut(): void
  [Symbol.asyncDispose](): Promise<void>
}

export async function scriptedServer(answering: Answering): Promise<ScriptedServer> {
  const asked: Asked[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://server')
      const one = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      }
      asked.push(one)
      void answering(one, response)
    })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new KubernetesClient(connect(kubeConfigFor(url)))
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    client,
    url,
    asked,
    cut,
    [Symbol.asyncDispose]: async () => {
      client.close()
      cut()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

export function kubeConfigFor(server: string, token?: string): KubeConfig {
  const config = new KubeConfig()
  // Credentials go over plain HTTP where a configuration says so: here, on loopback.
  const user = token === undefined ? { name: 'tester' } : { name: 'tester', token }
  config.loadFromClusterAndUser({ name: 'scripted', server, skipTLSVerify: true }, user)
  return config
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** What an API server says where it refuses. */
export function refuse(response: ServerResponse, code: number, message: string, headers = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ apiVersion: 'v1', kind: 'Status', status: 'Failure', code, message }))
}
