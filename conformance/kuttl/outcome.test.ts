import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcome } from './outcome.ts'

/** As kuttl v0.25.0 prints a case whose step fails. */
function printed(...said: readonly string[]): string {
  return [
    '    logger.go:42: 11:59:37 | traffic-access/2-app | test step completed 2-app',
    '    logger.go:42: 11:59:37 | traffic-access/3- | starting test step 3-',
    ...said.map(line => `    logger.go:42: 11:59:42 | traffic-access/3- | ${line}`),
    '    logger.go:42: 11:59:42 | traffic-access/3- | test step failed 3-',
    '    case.go:331: failed in step 3-',
    '    case.go:333: command "kubectl exec -n smi-conformance-harness ..." failed, exit status 1',
    '--- FAIL: kuttl (16.50s)',
  ].join('\n')
}

test('a case fails where a traffic step says what the mesh does instead', () => {
  const said = printed('access-default: app-a was let in: []', 'command terminated with exit code 1')
  assert.deepEqual(outcome('traffic-access', false, said), { kind: 'failed' })
})

test('a step that was once asked has failed, even if it could not be asked again', () => {
  const said = printed('access-default: app-a was let in: []', 'access-default could not be asked: silence')
  assert.deepEqual(outcome('traffic-access', false, said), { kind: 'failed' })
})

test('a step whose harness is missing or could not ask says nothing of the mesh', () => {
  for (const said of [
    'Error from server (NotFound): deployments.apps "harness" not found',
    "Error: Cannot find module '/app/harness.ts'",
    'access-default could not be asked: Error: getaddrinfo ENOTFOUND app-a',
  ]) {
    const expected = { kind: 'unasked', why: 'step 3- failed before it saw what the mesh does' }
    assert.deepEqual(outcome('traffic-access', false, printed(said)), expected)
  }
})

test('what another case says does not count', () => {
  const said = printed('split-default: without a split both were to be reached').replaceAll('access/', 'split/')
  assert.equal(outcome('traffic-access', false, said).kind, 'unasked')
})

test('kuttl that ends badly without a failed step says nothing of the mesh', () => {
  const said = 'fatal: no cluster\n--- FAIL: kuttl (0.50s)\n'
  const expected = { kind: 'unasked', why: 'kuttl names no step that failed' }
  assert.deepEqual(outcome('traffic-access', false, said), expected)
})

test('kuttl that ends well has passed the case', () => {
  assert.deepEqual(outcome('traffic-access', true, ''), { kind: 'passed' })
})
