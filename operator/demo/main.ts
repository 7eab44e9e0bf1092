/**
 * `make demo`: the shop of examples/shop, real processes and real Envoys, through a whole canary. Prints what it does and what it
 * measures; ends 0 only if every share was right, no request failed, and the mesh was quick.
 */
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownFolder } from '../src/standalone/own-folder.ts'
import { showMesh, startMesh } from './mesh.ts'
import { type Answer, ask, Shoppers } from './shopper.ts'
import { BEGINNING, type Step, story } from './story.ts'

const SHOP = join(import.meta.dirname, '../examples/shop')
const CUSTOMERS = 4
const REQUESTS_PER_STEP = 2000
/** Of a step that divides requests: three points are then four standard deviations, and chance does not fail a demo. */
const REQUESTS_PER_DIVISION = 5000
/** Percentage points. */
const TOLERANCE = 3
/** At once, to a person, on a busy machine as well. What it takes on a quiet one is printed. */
const QUICK_MS = 500
const PATIENCE_MS = 60_000

const problems: string[] = []
const delays: number[] = []

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

function check(holds: boolean, problem: string): void {
  if (holds) return
  problems.push(problem)
  say(`   ✗ ${problem}`)
}

/** As editors do: written beside it, then renamed, so that nobody sees half a file. Returns the moment of the rename. */
function save(folder: string, files: Step['save']): number {
  let moment = performance.now()
  for (const [name, text] of Object.entries(files)) {
    if (text === null) rmSync(join(folder, name))
    else {
      writeFileSync(join(folder, `.${name}.new`), text)
      moment = performance.now()
      renameSync(join(folder, `.${name}.new`), join(folder, name))
    }
  }
  return moment
}

/** Milliseconds from saving to the proof; undefined where no answer can prove it. */
async function delayOf(step: Step, saved: number, shoppers: Shoppers): Promise<number | undefined> {
  const { proof } = step
  if (proof.kind === 'none') return undefined
  const proofs = () => shoppers.all.filter(answer => answer.answeredAt >= saved && proof.answer(answer))
  if (proof.kind === 'first') {
    await shoppers.until(() => proofs().length > 0, PATIENCE_MS, `«${step.title}»`)
    return (proofs()[0]?.answeredAt ?? saved) - saved
  }
  const enough = () => shoppers.since(saved).length >= REQUESTS_PER_STEP
  await shoppers.until(enough, PATIENCE_MS, `«${step.title}»`)
  return (proofs().at(-1)?.answeredAt ?? saved) - saved
}

async function perform(step: Step, folder: string, shoppers: Shoppers): Promise<void> {
  say(`\n▸ ${step.title}`)
  const saved = save(folder, step.save)
  say(`   saved ${Object.keys(step.save).join(', ')}`)
  const delay = await delayOf(step, saved, shoppers)
  if (delay !== undefined) {
    delays.push(delay)
    say(`   obeyed after ${delay.toFixed(1)} ms, on connections that were open before`)
  }
  const obeyed = delay === undefined ? saved + QUICK_MS : saved + delay
  const counted = () => shoppers.since(obeyed)
  const divides = step.shares.some(({ v2 }) => v2 > 0 && v2 < 100)
  const wanted = divides ? REQUESTS_PER_DIVISION : REQUESTS_PER_STEP
  const enough = () => step.shares.every(({ of }) => counted().filter(of).length >= wanted)
  await shoppers.until(enough, PATIENCE_MS, `${wanted} answers`)
  for (const { whose, of, v2 } of step.shares) {
    const answers = counted().filter(of)
    const share = (answers.filter(answer => answer.version === 'v2').length / answers.length) * 100
    say(`   ${whose}: ${share.toFixed(1)} % of ${answers.length} requests went to version 2 (${v2} % asked for)`)
    check(Math.abs(share - v2) <= TOLERANCE, `${share.toFixed(1)} % is not within ${TOLERANCE} points of ${v2} %.`)
  }
}

/** Refusals that must stay, however much is allowed. */
async function refusals(storefront: URL): Promise<void> {
  say('\n▸ What nobody allowed stays refused')
  const agent = new Agent({ keepAlive: true })
  const paths = {
    '/payments': 'the storefront calls the payments directly',
    '/back': 'the checkout calls back to the storefront',
  }
  for (const [path, title] of Object.entries(paths)) {
    const { status, reason } = await ask(new URL(path, storefront), agent)
    say(`   ${title}: ${status}, ${reason}`)
    check(status === 403, `It was answered ${status}, not 403.`)
  }
  agent.destroy()
}

/** A request fails if it is not answered 200 after the checkout was allowed, or not 403 before. */
function failures(answers: readonly Answer[]): readonly Answer[] {
  const allowed = answers.find(answer => answer.status === 200)?.answeredAt ?? Number.POSITIVE_INFINITY
  return answers.filter(({ status, askedAt }) =>
    askedAt >= allowed ? status !== 200 : status !== 200 && status !== 403,
  )
}

async function play(folder: string, state: string): Promise<void> {
  say('Starting the shop: storefront → checkout (two versions) → payments, each with its own Envoy …')
  const mesh = await startMesh(folder, state)
  const shoppers = new Shoppers(mesh.storefront)
  try {
    shoppers.start(CUSTOMERS)
    say('\n▸ Denied by default: nothing is allowed yet')
    await shoppers.until(() => shoppers.all.length >= 50, PATIENCE_MS, '50 answers')
    const refused = shoppers.all.filter(answer => answer.status === 403)
    say(`   ${refused.length} of ${shoppers.all.length} requests were answered 403: ${refused[0]?.reason}`)
    check(refused.length === shoppers.all.length, 'Something was let through.')
    const steps = story(readFileSync(join(SHOP, 'policy.yaml'), 'utf8'))
    for (const [at, step] of steps.entries()) {
      await perform(step, folder, shoppers)
      if (at === 0) await refusals(mesh.storefront)
    }
    conclude(shoppers)
  } finally {
    shoppers.stop()
    await mesh.stop()
  }
}

function conclude(shoppers: Shoppers): void {
  const failed = failures(shoppers.all)
  const [first] = failed
  const sorted = delays.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.POSITIVE_INFINITY
  say(
    `\n${shoppers.all.length} requests, ${failed.length} failed. From saving a file to obeying it: ${median.toFixed(1)} ms (median).`,
  )
  check(failed.length === 0, `${failed.length} requests failed; the first: ${first?.status} ${first?.reason}`)
  check(median < QUICK_MS, `The median of ${median.toFixed(1)} ms is not under ${QUICK_MS} ms.`)
}

const place = ownFolder(join(tmpdir(), `smi-mesh-${process.getuid?.() ?? 0}`), 'demo', process.pid)
const folder = join(place, 'shop')
const state = join(place, 'state')
mkdirSync(folder)
for (const file of ['shop.yaml', 'shop.ts']) copyFileSync(join(SHOP, file), join(folder, file))
for (const [name, text] of Object.entries(BEGINNING)) writeFileSync(join(folder, name), text)
try {
  await play(folder, state)
  if (problems.length === 0 && process.stdin.isTTY && process.stdout.isTTY) {
    say(`\nThe shop stays up. Edit the files in ${folder} and watch; Ctrl-C ends it.`)
    await showMesh(folder, state)
  }
} catch (error) {
  problems.push(error instanceof Error ? error.message : String(error))
  say(`\n✗ ${problems.at(-1)}`)
} finally {
  rmSync(place, { recursive: true, force: true })
}
say(problems.length === 0 ? '\nAll is as it should be.' : '\nNot all is as it should be: see the lines marked ✗.')
process.exitCode = problems.length === 0 ? 0 : 1
