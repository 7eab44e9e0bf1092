import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Graph } from '@smi-mesh/dataplane/derive'
import { objectChanges } from '../drivers/objects.ts'
import { FAULTS, type Fault } from '../faults.ts'
import type { RawObject } from '../world.ts'
import { spoil } from './current.ts'
import { FactTables } from './facts.ts'
import { turnManifest } from './turn.ts'

after(() => spoil(undefined))

function faultOf(name: string): Fault {
  return FAULTS.find(fault => fault.name === name) ?? assert.fail(name)
}

function tables() {
  const facts = new FactTables(new Graph(), { clusterDomain: 'cluster.local' })
  return { facts, apply: (...objects: readonly RawObject[]) => facts.apply(objectChanges(objects)) }
}

function tcpRoute(name: string): RawObject {
  const metadata = { namespace: 'shop', name }
  return { apiVersion: 'specs.smi-spec.io/v1alpha4', kind: 'TCPRoute', metadata, spec: { matches: { ports: [9000] } } }
}

const ALL_PORTS = /"ports":(?:\[\]|"any")/

test('a namespace says which fault an operator has, from then on and for what it knows already', () => {
  const { facts, apply } = tables()
  const ports = () => JSON.stringify(facts.tcpRoutes.get('shop/bytes'))
  apply(tcpRoute('bytes'))
  assert.match(ports(), /9000/)
  apply(turnManifest(faultOf('ignore-ports'), 1))
  assert.match(ports(), ALL_PORTS)
  apply(turnManifest(undefined, 2))
  assert.match(ports(), /9000/)
})

test('what a fault keeps from before is forgotten with the next turn', () => {
  const { facts, apply } = tables()
  apply(tcpRoute('bytes'), turnManifest(faultOf('ignore-deletions'), 1))
  facts.apply(objectChanges([tcpRoute('bytes')]).map(({ ref }) => ({ ref, object: undefined })))
  assert.ok(facts.tcpRoutes.get('shop/bytes'))
  apply(turnManifest(faultOf('ignore-deletions'), 2))
  assert.equal(facts.tcpRoutes.get('shop/bytes'), undefined)
})

test('what is only tried is not taken for an object', () => {
  const { facts, apply } = tables()
  const [change] = objectChanges([tcpRoute('tried')])
  assert.ok(change)
  const undo = facts.remember(change.ref)
  facts.apply([change])
  undo()
  apply(turnManifest(faultOf('ignore-deletions'), 1))
  assert.equal(facts.tcpRoutes.get('shop/tried'), undefined)
})
