/** `smictl up` as its users see it: the shop of the examples, real Envoys, edits of files, crashes and ends. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SmictlProcess } from '../../test/smictl-process.ts'
import { startOf } from './process-start.ts'

const SMICTL = fileURLToPath(new URL('../../bin/smictl', import.meta.url))
const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
/** Apart from what people and other tests use. Pods are numbered in the order of their names: the storefront is the fourth. */
const FIRST = 200
const STOREFRONT = `127.${FIRST + 3}.0.1`
const PODS = 4
const DEADLINE_MS = 20_000

interface Told {
  readonly status: number
  readonly path: readonly string[]
  readonly message: string
}

const agent = new Agent({ keepAlive: true })

function get(path: string, host = STOREFRONT): Promise<Told> {
  return new Promise(resolve => {
    const failed = (error: Error) => resolve({ status: 0, path: [], message: error.message })
    const asked = request({ host, port: 8080, path, agent, timeout: 5_000 }, response => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', failed)
      response.on('end', () => {
        const body = Buffer.concat(parts).toString('utf8')
        const told =
          response.headers['content-type'] === 'application/json' ? JSON.parse(body) : { path: [], message: body }
        resolve({ status: response.statusCode ?? 0, path: told.path, message: told.message })
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')))
    asked.on('error', failed)
    asked.end()
  })
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`Not within ${DEADLINE_MS} ms: ${what}`)
    await sleep(20)
  }
}

/** Asks one after another until told to stop; what failed is kept. */
class Load {
  #isOver = false
  readonly failures: Told[] = []
  answered = 0
  readonly #done: Promise<void>

  /** Ends with the test at the latest, however the test ends. */
  constructor(t: TestContext) {
    this.#done = this.#run()
    t.after(() => this.stop())
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const told = await get('/checkout')
      if (told.status === 200) this.answered++
      else this.failures.push(told)
    }
  }
}

class Up {
  readonly folder = mkdtempSync(join(tmpdir(), 'smi-up-'))
  readonly state = join(this.folder, 'run')
  readonly shop = join(this.folder, 'shop')
  output = ''
  #child: ChildProcess | undefined
  #said = 0

  constructor() {
    cpSync(SHOP, this.shop, { recursive: true })
  }

  start(): void {
    this.#said = this.output.length
    const child = spawn(SMICTL, ['up', this.shop, '--state-dir', this.state, '--subnets', `${FIRST}-210`], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => (this.output += part.toString('utf8')))
    this.#child = child
  }

  /** Every pod is, not only those that the first answer came from. */
  async isReady(): Promise<void> {
    const since = this.#said
    await until('the shop answers', async () => {
      const ready = this.output.slice(since).match(/^\S+ at \S+ is ready$/gm) ?? []
      return ready.length >= PODS && (await get('/checkout')).status === 200
    }).catch((error: Error) => {
      throw new Error(`${error.message}. It said:\n${this.output.slice(since)}`)
    })
  }

  edit(file: string, from: string, to: string): void {
    const path = join(this.shop, file)
    const text = readFileSync(path, 'utf8')
    assert.ok(text.includes(from), `${file} does not hold ${from}`)
    writeFileSync(path, text.replace(from, to))
  }

  /** The processes it started and that still run. */
  processes(): readonly number[] {
    const file = join(this.state, 'processes.json')
    const found: { pid: number }[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
    return found.map(({ pid }) => pid)
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null
    const gone = new Promise<number | null>(resolve => child.once('exit', resolve))
    child.kill(signal)
    return gone
  }
}

async function ended(child: ChildProcess): Promise<{ readonly stderr: string; readonly code: number | null }> {
  let stderr = ''
  child.stderr?.on('data', (part: Buffer) => (stderr += part.toString('utf8')))
  const [code] = await once(child, 'close')
  return { stderr, code }
}

const runs = (pid: number) => startOf(pid) !== undefined

describe('smictl up', () => {
  const up = new Up()
  before(async () => {
    up.start()
    await up.isReady()
  })
  after(async () => {
    agent.destroy()
    await up.end('SIGTERM')
    rmSync(up.folder, { recursive: true, force: true })
  })

  test('without a terminal it says where to send requests', () => {
    assert.match(up.output, new RegExp(`^web/storefront-\\w+-0 at ${STOREFRONT}:8080 is ready$`, 'm'))
    assert.match(up.output, /^Service shop\/checkout: the pod at 127\.P\.0\.1 reaches it at 127\.P\.\d+\.\d+:8080$/m)
  })

  test('another one that wants the same addresses is refused, and takes no request', async t => {
    const copy = join(up.folder, 'copy')
    cpSync(SHOP, copy, { recursive: true })
    const load = new Load(t)
    const words = ['up', copy, '--state-dir', join(up.folder, 'other'), '--subnets', `${FIRST}-210`]
    const { stderr, code } = await ended(spawn(SMICTL, words, { stdio: ['ignore', 'ignore', 'pipe'] }))
    await load.stop()
    assert.equal(code, 3, stderr)
    assert.match(stderr, new RegExp(`Something else listens on 127\\.${FIRST}\\.0\\.1:8080.*--subnets`))
    assert.deepEqual(load.failures, [])
  })

  test('what policy allows is answered, all else is refused with a reason', async () => {
    assert.deepEqual(
      (await get('/checkout')).path.map(step => step.split(' ')[0]),
      ['storefront', 'checkout', 'payments'],
    )
    assert.deepEqual(
      [(await get('/payments')).status, (await get('/payments')).message],
      [403, 'no TrafficTarget lets this caller use the service'],
    )
    const back = await get('/back')
    assert.deepEqual([back.status, back.path.length], [403, 2])
  })

  test('a saved weight moves the traffic, and no request fails', async t => {
    const load = new Load(t)
    up.edit('split.yaml', 'weight: 90', 'weight: 0')
    up.edit('split.yaml', 'weight: 10', 'weight: 100')
    await until('ten answers of v2 in a row', async () => {
      const told = await Promise.all(Array.from({ length: 10 }, () => get('/checkout')))
      return told.every(({ path }) => path[1] === 'checkout v2')
    })
    await load.stop()
    assert.deepEqual(load.failures, [])
  })

  test('a changed template replaces the pods, and no request fails', async t => {
    const load = new Load(t)
    const old = up.processes()
    up.edit('shop.yaml', '--message=paid', '--message=paid-twice')
    await until('the new pod answers', async () => (await get('/checkout')).message === 'paid-twice')
    await until('the old pod is gone', () => old.filter(runs).length === old.length - 2)
    const answered = load.answered
    await until('requests go on', () => load.answered > answered + 50)
    await load.stop()
    assert.deepEqual(load.failures, [])
    assert.ok(load.answered > 50)
  })

  test('scaling up and down starts and stops pods, and no request fails', async t => {
    const load = new Load(t)
    const some = up.processes().length
    const selector = '  selector: { matchLabels: { app: payments } }'
    up.edit('shop.yaml', selector, `  replicas: 2\n${selector}`)
    await until('the second pod is ready', () => /payments-\w+-1 at \S+ is ready/.test(up.output))
    assert.equal(up.processes().length, some + 2)
    up.edit('shop.yaml', '  replicas: 2\n', '')
    await until('it is gone', () => up.processes().length === some)
    await load.stop()
    assert.deepEqual(load.failures, [])
  })

  test('an application that dies is started again', async () => {
    const direct = `127.${FIRST + 3}.0.2`
    const before = up.processes()
    const victim = before.find(pid => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--name=storefront'))
    assert.ok(victim !== undefined && process.kill(victim, 'SIGKILL'))
    await until('it is told', () => up.output.includes('shop ended (signal SIGKILL), starts again'))
    await until('it answers again', async () => (await get('/', direct)).status === 200)
  })

  test('a file that cannot be read is told, and changes nothing', async () => {
    const text = readFileSync(join(up.shop, 'policy.yaml'), 'utf8')
    writeFileSync(join(up.shop, 'policy.yaml'), text.replace('spec:', 'spec: ]'))
    await until('it is told', () => /policy\.yaml, line \d+, column \d+: This is no YAML/.test(up.output))
    assert.equal((await get('/checkout')).status, 200)
    writeFileSync(join(up.shop, 'policy.yaml'), text)
    await until('it is well again', () => up.output.includes('All files can be read again.'))
  })

  test('killed without warning, it leaves nothing behind, and can be started again', async () => {
    const started = up.processes()
    assert.ok(started.length >= 8 && started.every(runs))
    await up.end('SIGKILL')
    await until('all its processes are gone', () => !started.some(runs))
    up.start()
    await up.isReady()
  })

  test('ended by a signal, it leaves nothing behind and says 0', async () => {
    const started = up.processes()
    assert.equal(await up.end('SIGTERM'), 0)
    assert.ok(!started.some(runs))
  })
})

test('a folder with nothing to run in it is told so', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'smi-up-'))
  const up = new SmictlProcess('up', folder, '--state-dir', join(folder, 'run'), '--subnets', `${FIRST}-210`)
  t.after(async () => {
    await up.end('SIGKILL')
    rmSync(folder, { recursive: true })
  })
  await up.says(/^Nothing runs: .* has no Pod, Deployment/m)
  assert.equal(await up.end('SIGTERM'), 0)
})
