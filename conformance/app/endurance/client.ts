/**
 * A client that counts. It asks a server at a steady rate by POST on kept connections and by gRPC, and talks to it on streams of
 * gRPC and WebSocket. Nothing is tried twice: whatever is not answered as it should be is a failure. What it has counted stands in
 * a file, the last time when it ends, which it does once all that it began is done.
 *
 * Environment: SERVER (host), REPORT (file), POSTS and CALLS (a second), STREAMS and SOCKETS (open at a time), MESSAGES (a second,
 * on each stream; with 0 a stream says one word at its beginning and one at its end), EXPECT (status of an answer to a POST).
 */
import { renameSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { text } from 'node:stream/consumers'
import { grpcMessage, grpcReader } from './frames.ts'

const { SERVER = '', REPORT = '', EXPECT = '200' } = process.env
const number = (name: string) => Number(process.env[name] ?? 0)
const MESSAGES_PER_S = number('MESSAGES')
const PATIENCE_MS = 30_000
/** Of each kind. */
const AT_ONCE = 20
const LEAVE = 'leave'

type Kind = 'post' | 'grpc' | 'stream' | 'socket'
const report = {
  begun: { post: 0, grpc: 0, stream: 0, socket: 0 },
  answered: { post: 0, grpc: 0, stream: 0, socket: 0 },
  failed: { post: 0, grpc: 0, stream: 0, socket: 0 },
  /** How often a stream was left for another one. */
  moved: { stream: 0, socket: 0 },
  /** The first ones, in words. */
  failures: [] as string[],
  /** Of the slowest answer. */
  slowestMs: 0,
  ended: false,
}
let ending = false
let nextId = 0

function write(): void {
  writeFileSync(`${REPORT}.new`, JSON.stringify(report))
  renameSync(`${REPORT}.new`, REPORT)
}

function answered(kind: Kind, sentAt: number): void {
  report.answered[kind]++
  report.slowestMs = Math.max(report.slowestMs, performance.now() - sentAt)
}

function failed(kind: Kind, why: string, times = 1): void {
  report.failed[kind] += times
  if (report.failures.length < 40) report.failures.push(`${new Date().toISOString()} ${kind}: ${why}`)
}

const agent = new Agent({ keepAlive: true })

function post(): void {
  const body = `post ${nextId++}`
  const sentAt = performance.now()
  report.begun.post++
  const call = request({ host: SERVER, port: 8080, method: 'POST', path: '/say', agent, timeout: PATIENCE_MS })
  call.on('timeout', () => call.destroy(new Error('silence')))
  call.on('error', error => failed('post', error.message))
  call.on('response', response => {
    const { 'x-smi-reason': reason = '' } = response.headers
    text(response).then(
      said => {
        if (`${response.statusCode}` !== EXPECT) failed('post', `${response.statusCode} ${reason} ${said.slice(0, 80)}`)
        else if (EXPECT === '200' && said !== body) failed('post', `answered ${said}`)
        else answered('post', sentAt)
      },
      (error: unknown) => failed('post', `in the middle of an answer: ${error}`),
    )
  })
  call.end(body)
}

let session: ClientHttp2Session | undefined

/** As gRPC's own clients: one connection, and another as soon as that one is told to go. */
function connected(): ClientHttp2Session {
  if (session !== undefined && !session.closed && !session.destroyed) return session
  const made = connect(`http://${SERVER}:8081`)
  made.on('error', () => made.destroy()) // its streams tell
  made.on('goaway', () => made.close())
  session = made
  return made
}

function open(path: string) {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }
  const stream = connected().request(headers)
  let ending = 'ended without trailers'
  stream.on('response', answer => {
    if (answer[':status'] !== 200) ending = `status ${answer[':status']} ${answer['x-smi-reason'] ?? ''}`
    if (answer['grpc-status'] !== undefined) ending = `grpc-status ${answer['grpc-status']} ${answer['grpc-message']}`
  })
  stream.on('trailers', trailers => {
    ending = trailers['grpc-status'] === '0' ? '' : `grpc-status ${trailers['grpc-status']} ${trailers['grpc-message']}`
  })
  stream.on('error', error => {
    ending = error.message
  })
  /** Empty after a good end. */
  return { stream, why: () => ending }
}

function call(): void {
  const body = `call ${nextId++}`
  const sentAt = performance.now()
  report.begun.grpc++
  const { stream, why } = open('/endurance.Echo/Say')
  let said = ''
  stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error('silence')))
  stream.on(
    'data',
    grpcReader(message => {
      said = message
    }),
  )
  stream.on('close', () => {
    if (why() !== '') failed('grpc', why())
    else if (said !== body) failed('grpc', `answered ${said}`)
    else answered('grpc', sentAt)
  })
  stream.end(grpcMessage(body))
}

const talks = new Set<Talk>()

/** A long conversation: messages go out, each has to come back, and when either side leaves, all have to be back first. */
class Talk {
  readonly #kind: 'stream' | 'socket'
  readonly #send: (message: string) => void
  readonly #finish: () => void
  readonly #waiting = new Map<string, number>()
  #begun = false
  #leaving = false
  #timer: NodeJS.Timeout | undefined

  constructor(kind: 'stream' | 'socket', send: (message: string) => void, finish: () => void) {
    this.#kind = kind
    this.#send = send
    this.#finish = finish
    talks.add(this)
  }

  begin(): void {
    this.#begun = true
    this.#say()
    if (ending) this.leave()
    else if (MESSAGES_PER_S > 0) this.#timer = setInterval(() => this.#say(), 1000 / MESSAGES_PER_S)
  }

  #say(): void {
    const message = `${this.#kind} ${nextId++}`
    this.#waiting.set(message, performance.now())
    report.begun[this.#kind]++
    this.#send(message)
  }

  hear(message: string): void {
    const sentAt = this.#waiting.get(message)
    if (message === LEAVE) this.leave()
    else if (sentAt === undefined) failed(this.#kind, `heard ${message}, which nobody asked`)
    else {
      this.#waiting.delete(message)
      answered(this.#kind, sentAt)
      if (this.#leaving && this.#waiting.size === 0) this.#finish()
    }
  }

  leave(): void {
    if (this.#leaving || !this.#begun) return
    clearInterval(this.#timer)
    if (MESSAGES_PER_S === 0) this.#say()
    this.#leaving = true
    if (!ending) this.#another()
    if (this.#waiting.size === 0) this.#finish()
  }

  /** `why` is empty where all went well. */
  ended(why: string): void {
    clearInterval(this.#timer)
    talks.delete(this)
    if (why !== '' || this.#waiting.size > 0) {
      failed(this.#kind, `${why}; ${this.#waiting.size} messages without an answer`, Math.max(1, this.#waiting.size))
    } else if (!this.#leaving) failed(this.#kind, 'ended without a word')
    if (!this.#leaving && !ending) setTimeout(() => this.#another(), 1000)
  }

  #another(): void {
    report.moved[this.#kind]++
    if (this.#kind === 'stream') stream()
    else socket()
  }
}

function stream(): void {
  const { stream: bytes, why } = open('/endurance.Echo/Talk')
  const talk = new Talk(
    'stream',
    message => bytes.write(grpcMessage(message)),
    () => bytes.end(),
  )
  bytes.on(
    'data',
    grpcReader(message => talk.hear(message)),
  )
  bytes.on('close', () => talk.ended(why()))
  talk.begin()
}

function socket(): void {
  const bytes = new WebSocket(`ws://${SERVER}:8080/talk`)
  const talk = new Talk(
    'socket',
    message => bytes.send(message),
    () => bytes.close(1000),
  )
  bytes.addEventListener('open', () => talk.begin())
  bytes.addEventListener('message', ({ data }) => talk.hear(String(data)))
  bytes.addEventListener('close', ({ code, wasClean }) => talk.ended(wasClean ? '' : `closed with ${code}`))
}

/** Begins as many a second, over each second evenly. Where answers take longer, it waits for them: a rate is no stampede. */
function steadily(kind: Kind, perSecond: number, begin: () => void): void {
  let due = 0
  let before = performance.now()
  const timer = setInterval(() => {
    if (ending) return clearInterval(timer)
    const now = performance.now()
    const most = AT_ONCE - (report.begun[kind] - report.answered[kind] - report.failed[kind])
    due = Math.min(due + ((now - before) / 1000) * perSecond, most)
    before = now
    for (; due >= 1; due--) begin()
  }, 10)
}

function end(): void {
  ending = true
  for (const talk of talks) talk.leave()
  setInterval(() => {
    const under = (['post', 'grpc', 'stream', 'socket'] as const).some(
      kind => report.begun[kind] > report.answered[kind] + report.failed[kind],
    )
    if (under || talks.size > 0) return
    report.ended = true
    write()
    process.exit(0)
  }, 20)
}

steadily('post', number('POSTS'), post)
steadily('grpc', number('CALLS'), call)
for (let count = 0; count < number('STREAMS'); count++) stream()
for (let count = 0; count < number('SOCKETS'); count++) socket()
setInterval(write, 250)
process.once('SIGTERM', end)
