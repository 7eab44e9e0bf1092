/** What proxies hold while the control plane comes and goes, as it pleases. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { noLeafStore } from './store.ts'
import { FakeClock } from './testdata/fake-clock.ts'
import { MemoryAuthorityStore, MemoryLeafStore } from './testdata/memory-store.ts'
import { identityOf, MINUTE, rig } from './testdata/rig.ts'

const WEB = identityOf('web')
const LIFE_MS = 2 * MINUTE

/** Up for a while, then gone for a while, in lives of a certificate. */
interface Spell {
  readonly up: number
  readonly down: number
}

interface Moment {
  /** How long the control plane has run without a break; 0 while it is gone. */
  readonly upMs: number
  /** What is left of the certificate that the proxy holds. */
  readonly leftMs: number
}

/** What a proxy held, moment by moment. It is told at once while there is somebody to tell it, and keeps what it has. */
async function history(spells: readonly Spell[], leaves: 'kept' | 'not kept'): Promise<readonly Moment[]> {
  const clock = new FakeClock()
  const authorityStore = new MemoryAuthorityStore()
  const leafStore = leaves === 'kept' ? new MemoryLeafStore() : noLeafStore()
  const moments: Moment[] = []
  let held = Number.POSITIVE_INFINITY
  for (const { up, down } of spells) {
    const { issuer, certificates } = await rig({
      clock,
      authorityStore,
      leafStore,
      leafMs: LIFE_MS,
      random: Math.random,
    })
    issuer.ensure(WEB)
    const began = clock.now()
    for (const end = began + up * LIFE_MS; clock.now() < end; ) {
      await clock.run(LIFE_MS / 12)
      held = certificates.get(WEB)?.notAfter ?? held
      moments.push({ upMs: clock.now() - began, leftMs: held - clock.now() })
    }
    await issuer.stop()
    await clock.run(down * LIFE_MS)
    moments.push({ upMs: 0, leftMs: held - clock.now() })
  }
  return moments
}

function spells(longestGone: number): fc.Arbitrary<readonly Spell[]> {
  const spell = fc.record({
    up: fc.double({ min: 0.02, max: 1.5, noNaN: true }),
    down: fc.double({ min: 0, max: longestGone, noNaN: true }),
  })
  return fc.array(spell, { minLength: 1, maxLength: 3 })
}

for (const leaves of ['kept', 'not kept'] as const) {
  test(`phrase 11: "Expired cert is impossible while CP is up for > 1/3 of TTL", leaves ${leaves}`, async () => {
    await fc.assert(
      fc.asyncProperty(spells(3), async chosen => {
        const settled = (await history(chosen, leaves)).filter(({ upMs }) => upMs > LIFE_MS / 3)
        for (const { leftMs } of settled) assert.ok(leftMs > LIFE_MS / 3, `${leftMs} ms left`)
      }),
      { numRuns: 10 },
    )
  })
}

test('a control plane that is never gone for a third of a life leaves nobody with an expired certificate', async () => {
  await fc.assert(
    fc.asyncProperty(spells(1 / 3), async chosen => {
      for (const { leftMs } of await history(chosen, 'not kept')) assert.ok(leftMs > 0, `${leftMs} ms left`)
    }),
    { numRuns: 10 },
  )
})
