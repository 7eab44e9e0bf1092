/**
 * The traffic steps of the public suite, asserted: `node harness.ts <step> <namespace>`, run in a pod without a sidecar beside the
 * application's file. Ends with 1 and `<step>: ` and a sentence where the mesh does something else, which the public suite only
 * logged; with 1 and another sentence where it could not be asked.
 */

interface Metrics {
  readonly ReqReceived: readonly string[]
  readonly RespSucceeded: readonly { readonly URL: string; readonly Method: string }[]
  readonly RespFailed: readonly { readonly URL: string; readonly Method: string }[]
}

const [step = '', namespace = ''] = process.argv.slice(2)
const base = (app: string) => `http://${app}.${namespace}.svc.cluster.local:9091`
/** As clients of the public suite write it, with the dot that makes a name complete. */
const target = (app: string, path: string) => `http://${app}.${namespace}.svc.cluster.local.:9091${path}`
const PATIENCE_MS = 10_000
/** By chance alone once in two million. */
const TOO_FAR = 5

async function clear(): Promise<void> {
  for (const app of ['app-a', 'app-b', 'app-c']) {
    await fetch(`${base(app)}/metrics`, { method: 'DELETE', signal: AbortSignal.timeout(PATIENCE_MS) })
  }
}

async function metrics(app: string): Promise<Metrics> {
  const response = await fetch(`${base(app)}/metrics`, { signal: AbortSignal.timeout(PATIENCE_MS) })
  const { ReqReceived = [], RespSucceeded = [], RespFailed = [] } = Object(await response.json())
  return { ReqReceived, RespSucceeded, RespFailed }
}

/** Has app-a make a request. */
async function call(url: string, method = 'GET'): Promise<void> {
  const body = JSON.stringify({ url, method, body: '', headers: {} })
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const response = await fetch(`${base('app-a')}/call`, { method: 'POST', body, signal })
  if (!response.ok)
    throw new Error(`app-a got no answer to ${method} ${url}: ${response.status} ${await response.text()}`)
}

function check(right: boolean, otherwise: string): void {
  if (right) return
  console.error(`${step}: ${otherwise}`)
  process.exit(1)
}

function text(value: unknown): string {
  return JSON.stringify(value)
}

async function blocked(): Promise<void> {
  const url = target('app-b', '/echo')
  await call(url)
  const { RespSucceeded, RespFailed } = await metrics('app-a')
  check(RespSucceeded.length === 0, `app-a was let in: ${text(RespSucceeded)}`)
  check(RespFailed.length === 1 && RespFailed[0]?.URL === url, `one request to ${url} was to fail: ${text(RespFailed)}`)
}

async function allowed(): Promise<void> {
  await call(target('app-b', '/echo'))
  const { RespSucceeded, RespFailed } = await metrics('app-a')
  check(RespSucceeded.length === 1 && RespFailed.length === 0, `app-a was to be let in: ${text(RespFailed)}`)
  const { ReqReceived } = await metrics('app-b')
  check(text(ReqReceived) === '["app-a"]', `app-b was to hear of app-a once: ${text(ReqReceived)}`)
}

/** Two requests, of which the first is to be let in. */
async function oneOf(first: readonly [string, string], second: readonly [string, string]): Promise<void> {
  await call(target('app-b', first[1]), first[0])
  await call(target('app-b', second[1]), second[0])
  const { RespSucceeded, RespFailed } = await metrics('app-a')
  const those = (list: Metrics['RespFailed']) => text(list.map(({ URL, Method }) => `${Method} ${URL}`))
  const want = ([method, path]: readonly [string, string]) => text([`${method} ${target('app-b', path)}`])
  check(those(RespSucceeded) === want(first), `${want(first)} alone was to be let in: ${those(RespSucceeded)}`)
  check(those(RespFailed) === want(second), `${want(second)} alone was to be denied: ${those(RespFailed)}`)
}

/** Requests of app-a to app-svc, all of which have to arrive. */
async function counted(times: number): Promise<{ readonly b: number; readonly c: number }> {
  for (let done = 0; done < times; done++) await call(target('app-svc', '/echo'))
  const [b, c] = [(await metrics('app-b')).ReqReceived.length, (await metrics('app-c')).ReqReceived.length]
  check(b + c === times, `of ${times} requests app-b got ${b} and app-c ${c}`)
  return { b, c }
}

async function divided(b: number, c: number): Promise<void> {
  const times = b === 0 || c === 0 ? 50 : 200
  const got = await counted(times)
  const share = b / (b + c)
  const allowance = TOO_FAR * Math.sqrt(times * share * (1 - share))
  check(
    Math.abs(got.b - times * share) <= allowance,
    `of ${times} by ${b} to ${c} app-b got ${got.b} and app-c ${got.c}`,
  )
}

async function main(): Promise<void> {
  await clear()
  switch (step) {
    case 'access-default':
    case 'access-blocked':
      return await blocked()
    case 'access-allowed':
      return await allowed()
    case 'spec-path':
      return await oneOf(['GET', '/metrics'], ['GET', '/echo'])
    case 'spec-method':
      return await oneOf(['GET', '/echo'], ['POST', '/echo'])
    case 'split-default': {
      const { b, c } = await counted(50)
      return check(b > 0 && c > 0, `without a split both were to be reached: app-b ${b}, app-c ${c}`)
    }
    default: {
      const [, b, c] = /^split-(\d+)-(\d+)$/.exec(step) ?? []
      if (b === undefined || c === undefined) throw new Error('there is no such step')
      return await divided(Number(b), Number(c))
    }
  }
}

await main().catch((error: unknown) => {
  console.error(`${step} could not be asked: ${error instanceof Error ? (error.cause ?? error) : error}`)
  process.exit(1)
})
