import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json, refuse, type ScriptedServer, scriptedServer } from '../kubernetes/testdata/scripted-server.ts'
import { Lease, type LeaseEvent } from './lease.ts'

const AT = { namespace: 'smi-mesh', name: 'smi-mesh' }
const PATH = '/apis/coordination.k8s.io/v1/namespaces/smi-mesh/leases'

interface Rig {
  readonly server: ScriptedServer
  /** The stored record; undefined where there is none. */
  spec(): Record<string, unknown> | undefined
  /** Lets time pass for everybody's own clock. */
  pass(ms: number): void
  replica(
    identity: string,
    wallSkewMs?: number,
    mayLead?: () => boolean,
  ): { readonly lease: Lease; readonly told: (boolean | string)[] }
  fail(isFailing: boolean): void
}

/** Leases that may be written only in place of the version that was read, as an API server keeps them. */
async function withRig(body: (rig: Rig) => Promise<void>): Promise<void> {
  let stored: { metadata: Record<string, unknown>; spec: Record<string, unknown> } | undefined
  let version = 0
  let now = 0
  let isFailing = false
  await using server = await scriptedServer(({ method, path, body: text }, response) => {
    if (isFailing) return refuse(response, 503, 'etcd is busy')
    if (method === 'GET') return stored === undefined ? refuse(response, 404, 'none') : json(response, 200, stored)
    const sent = JSON.parse(text)
    const isNew = method === 'POST' && path === PATH
    const fits = isNew ? stored === undefined : sent.metadata.resourceVersion === stored?.metadata['resourceVersion']
    if (!fits) return refuse(response, 409, 'somebody else was first')
    stored = { metadata: { ...sent.metadata, resourceVersion: String(++version) }, spec: sent.spec }
    json(response, isNew ? 201 : 200, stored)
  })
  await body({
    server,
    spec: () => stored?.spec,
    pass: ms => {
      now += ms
    },
    fail: failing => {
      isFailing = failing
    },
    replica: (identity, wallSkewMs = 0, mayLead = () => true) => {
      const told: (boolean | string)[] = []
      const lease = new Lease({
        client: server.client,
        at: AT,
        identity,
        mayLead,
        onChange: leads => told.push(leads),
        onEvent: (event: LeaseEvent) => event.kind === 'failed' && told.push(event.first ? 'failed' : 'failed again'),
        now: () => now,
        clock: () => Date.UTC(2026, 0, 1) + now + wallSkewMs,
        random: () => 0.5,
        setTimer: () => () => undefined,
      })
      return { lease, told }
    },
  })
}

test('the first who asks leads, and goes on leading while it renews', () =>
  withRig(async ({ replica, pass, spec }) => {
    const [one, other] = [replica('one'), replica('other')]
    await one.lease.turn()
    for (let turn = 0; turn < 20; turn++) {
      pass(2_000)
      await one.lease.turn()
      await other.lease.turn()
      assert.deepEqual([one.lease.leads, other.lease.leads], [true, false])
    }
    assert.deepEqual(one.told, [true])
    assert.deepEqual(spec(), {
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:40.000000Z',
      leaseTransitions: 0,
    })
  }))

test('a leader that is gone is followed by another, and never before its record is dead', () =>
  withRig(async ({ replica, pass, spec }) => {
    const [one, other] = [replica('one'), replica('other')]
    await one.lease.turn()
    await other.lease.turn() // sees the record now, and ages it from here
    pass(14_000)
    await other.lease.turn()
    assert.equal(other.lease.leads, false)
    assert.equal(one.lease.leads, false, 'its own time was over earlier')
    pass(1_001)
    await other.lease.turn()
    assert.equal(other.lease.leads, true)
    assert.equal(spec()?.['leaseTransitions'], 1)
  }))

test('a clock that is an hour ahead takes nothing from anybody', () =>
  withRig(async ({ replica, pass }) => {
    const one = replica('one')
    const ahead = replica('ahead', 3_600_000)
    await one.lease.turn()
    pass(3_000)
    await ahead.lease.turn()
    assert.equal(ahead.lease.leads, false)
  }))

test('whoever cannot renew in time leads no more, though nobody else does', () =>
  withRig(async ({ replica, pass, fail }) => {
    const one = replica('one')
    await one.lease.turn()
    fail(true)
    pass(9_000)
    await one.lease.turn()
    assert.equal(one.lease.leads, true, 'one failure is borne')
    pass(1_000)
    assert.equal(one.lease.leads, false, 'before the next attempt even begins')
    await one.lease.turn()
    fail(false)
    await one.lease.turn()
    assert.deepEqual(one.told, [true, 'failed', 'failed again', false, true])
  }))

test('of two who take a dead record at the same time, one leads', () =>
  withRig(async ({ replica, pass }) => {
    const [gone, one, other] = [replica('gone'), replica('one'), replica('other')]
    await gone.lease.turn()
    await Promise.all([one.lease.turn(), other.lease.turn()])
    pass(16_000)
    await Promise.all([one.lease.turn(), other.lease.turn()])
    assert.equal(Number(one.lease.leads) + Number(other.lease.leads), 1)
  }))

test('whoever stops lets go, so that another leads at once', () =>
  withRig(async ({ replica, spec }) => {
    const [one, other] = [replica('one'), replica('other')]
    await one.lease.turn()
    await one.lease.stop()
    assert.equal(spec()?.['holderIdentity'], '')
    await other.lease.turn()
    assert.deepEqual([one.lease.leads, other.lease.leads], [false, true])
  }))

test('whoever does not lead takes nothing away by stopping', () =>
  withRig(async ({ replica, spec }) => {
    const [one, other] = [replica('one'), replica('other')]
    await one.lease.turn()
    await other.lease.turn()
    await other.lease.stop()
    assert.equal(spec()?.['holderIdentity'], 'one')
  }))

test('whoever should not lead leaves the lease to others, and lets go of it at once', () =>
  withRig(async ({ replica, pass, spec }) => {
    let may = false
    const [one, other] = [replica('one', 0, () => may), replica('other')]
    await one.lease.turn()
    assert.deepEqual([one.lease.leads, spec()], [false, undefined])
    may = true
    await one.lease.turn()
    assert.equal(one.lease.leads, true)
    may = false
    await one.lease.turn()
    assert.deepEqual([one.lease.leads, one.told], [false, [true, false]])
    pass(1)
    await other.lease.turn()
    assert.equal(other.lease.leads, true, 'without waiting for it to expire')
  }))
