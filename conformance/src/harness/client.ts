/**
 * Clients that say exactly what they are told to: a path is sent byte for byte, headers in the order and case given. Ordinary
 * clients tidy up, and it is what they tidy up that a proxy must not be fooled by.
 */
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import type { HttpCall } from '../world.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** A status and headers; or nothing, because the connection was closed or refused; or silence. */
export type Reply =
  | { readonly kind: 'http'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | { readonly kind: 'bytes'; readonly line: string }
  | { readonly kind: 'closed'; readonly why: string; readonly heard: number }
  | { readonly kind: 'silent' }

const PATIENCE_MS = 5_000

/** One HTTP/1.1 request on a connection of its own. The body of the answer is not waited for. */
export function sendHttp1(to: Address, call: HttpCall): Promise<Reply> {
  const lines = [`${call.method} ${call.path} HTTP/1.1`, ...call.headers.map(([name, value]) => `${name}: ${value}`)]
  const body = call.method === 'POST' || call.method === 'PUT' || call.method === 'PATCH' ? ['Content-Length: 0'] : []
  return converse(to, {
    begin: socket => socket.write([...lines, ...body, '', ''].join('\r\n'), 'latin1'),
    read: heard => {
      const end = heard.indexOf('\r\n\r\n')
      return end < 0 ? undefined : headOf(heard.slice(0, end))
    },
  })
}

/** One connection of bytes: the line a server greets with, once what is sent to it comes back as well. */
export function sendBytes(to: Address, speaksFirst: 'client' | 'server'): Promise<Reply> {
  const said = 'and back\n'
  let silent = speaksFirst === 'server'
  return converse(to, {
    begin: socket => silent || socket.write(said),
    read: (heard, socket) => {
      if (!heard.includes('\n')) return undefined
      if (silent) socket.write(said)
      silent = false
      return heard.endsWith(`\n${said}`) ? { kind: 'bytes', line: heard.slice(0, heard.indexOf('\n')) } : undefined
    },
  })
}

interface Conversation {
  readonly begin: (socket: Socket) => unknown
  /** The reply, once all of it has been heard. */
  readonly read: (heard: string, socket: Socket) => Reply | undefined
}

function converse({ host, port }: Address, { begin, read }: Conversation): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const socket = connect({ host, port, noDelay: true })
  const done = (reply: Reply) => {
    resolve(reply)
    socket.destroy()
  }
  let heard = ''
  socket.setTimeout(PATIENCE_MS, () => done({ kind: 'silent' }))
  socket.on('connect', () => begin(socket))
  socket.on('error', error => done({ kind: 'closed', why: error.message, heard: heard.length }))
  socket.on('close', () => done({ kind: 'closed', why: 'the connection ended', heard: heard.length }))
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1')
    const reply = read(heard, socket)
    if (reply !== undefined) done(reply)
  })
  return promise
}

function headOf(head: string): Reply {
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { kind: 'http', status: Number(first.split(' ')[1]), headers: Object.fromEntries(headers) }
}

/** One HTTP/2 request without TLS, with prior knowledge, on a connection of its own. */
export function sendHttp2(to: Address, call: HttpCall): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>()
  const session = connectHttp2(`http://${to.host}:${to.port}`)
  const done = (reply: Reply) => {
    resolve(reply)
    session.destroy()
  }
  session.setTimeout(PATIENCE_MS, () => done({ kind: 'silent' }))
  session.on('error', (error: Error) => done({ kind: 'closed', why: error.message, heard: 0 }))
  session.on('close', () => done({ kind: 'closed', why: 'the session ended', heard: 0 }))
  const stream = session.request(http2Headers(call), { endStream: true })
  stream.on('error', (error: Error) => done({ kind: 'closed', why: error.message, heard: 0 }))
  stream.on('response', headers => {
    const texts = Object.entries(headers).map(([name, value]) => [name, String(value)] as const)
    done({ kind: 'http', status: Number(headers[':status']), headers: Object.fromEntries(texts) })
  })
  return promise
}

/** In HTTP/2 names are lower case and the host is a header of its own kind. */
function http2Headers({ method, path, headers }: HttpCall): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = { ':method': method, ':path': path }
  for (const [name, value] of headers) {
    const key = name.toLowerCase() === 'host' ? ':authority' : name.toLowerCase()
    const before = all[key]
    all[key] = before === undefined ? value : [before, value].flat()
  }
  return all
}
