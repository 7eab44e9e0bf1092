/** Customers of the shop: a few connections, kept open, always asking for the checkout. Remembers every answer. */
import { Agent, request } from 'node:http'

export interface Answer {
  /** Milliseconds, on the clock that saving a file is read on. */
  readonly askedAt: number
  readonly answeredAt: number
  /** Whether the customer said to be an insider: the header that the A/B test looks at. */
  readonly insider: boolean
  /** 0 where there was no answer at all. */
  readonly status: number
  /** `v1` or `v2`, empty if no checkout answered. */
  readonly version: string
  /** Why the mesh refused, in its own words. */
  readonly reason: string
}

export class Shoppers {
  readonly #url: URL
  readonly #agent = new Agent({ keepAlive: true })
  readonly #answers: Answer[] = []
  #stopped = false
  #waiting: { readonly enough: () => boolean; readonly resolve: () => void } | undefined

  constructor(url: URL) {
    this.#url = url
  }

  /** Customers come; each asks again as soon as it is answered. Every second one is an insider. */
  start(customers: number): void {
    for (let n = 0; n < customers; n++) void this.#shop(n % 2 === 1)
  }

  stop(): void {
    this.#stopped = true
    this.#agent.destroy()
  }

  /** Those asked after a moment. */
  since(moment: number): readonly Answer[] {
    const answers: Answer[] = []
    for (let at = this.#answers.length - 1; at >= 0; at--) {
      const answer = this.#answers[at]
      if (answer === undefined || answer.answeredAt < moment) break
      if (answer.askedAt >= moment) answers.unshift(answer)
    }
    return answers
  }

  get all(): readonly Answer[] {
    return this.#answers
  }

  /** Resolves at the answer that makes it true; rejects after a while. */
  async until(enough: () => boolean, withinMs: number, what: string): Promise<void> {
    if (enough()) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const late = setTimeout(() => reject(new Error(`${what} did not happen within ${withinMs / 1000} s.`)), withinMs)
    this.#waiting = { enough, resolve }
    await promise.finally(() => {
      clearTimeout(late)
      this.#waiting = undefined
    })
  }

  async #shop(insider: boolean): Promise<void> {
    while (!this.#stopped) {
      this.#answers.push(await ask(this.#url, this.#agent, insider))
      if (this.#waiting?.enough() === true) this.#waiting.resolve()
    }
  }
}

/** One request; it never fails, an answer that did not come has status 0. */
export function ask(url: URL, agent: Agent, insider = false): Promise<Answer> {
  const askedAt = performance.now()
  const headers = insider ? { 'x-insider': 'true' } : {}
  const { promise, resolve } = Promise.withResolvers<Answer>()
  const answered = (status: number, version: string, reason: string) =>
    resolve({ askedAt, answeredAt: performance.now(), insider, status, version, reason })
  const asked = request(url, { agent, headers, timeout: 10_000 }, response => {
    let body = ''
    response.setEncoding('utf8')
    response.on('data', (part: string) => {
      body += part
    })
    response.on('end', () => {
      const path = String(response.headers['x-shop-path'] ?? '')
      answered(response.statusCode ?? 0, /checkout (v\d)/.exec(path)?.[1] ?? '', reasonOf(response.headers, body))
    })
  })
  asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s')))
  asked.on('error', error => answered(0, '', error.message))
  asked.end()
  return promise
}

/** The storefront passes the mesh's refusal on as its message; the mesh itself says it in a header. */
function reasonOf(headers: NodeJS.Dict<string | string[]>, body: string): string {
  const own = headers['x-smi-reason']
  if (typeof own === 'string') return own
  return /"message":"([^"]*)"/.exec(body)?.[1] ?? body.trim()
}
