import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyRules, type RunProgram } from './apply-rules.ts'
import { CAPTURE_ALL, type Capture } from './capture.ts'
import { iptablesRules, nftRules } from './rules.ts'
import { SidecarError } from './sidecar-error.ts'

const some: Capture = {
  inbound: { ports: [8080], exceptPorts: [9090] },
  outbound: { ranges: ['10.96.0.0/12', 'fd96::/64'], exceptRanges: ['10.97.0.0/16', 'fd96::1'], exceptPorts: [5432] },
}

test('ports of the kubelet and of Prometheus are never captured', () => {
  for (const capture of [CAPTURE_ALL, some]) {
    assert.match(nftRules(capture), /tcp dport \{ 15021, 15090[^}]*\} return/)
    for (const port of [15_021, 15_090])
      assert.match(iptablesRules(capture, 'ipv4'), new RegExp(`--dport ${port} -j RETURN`))
  }
})

test('what is excepted is decided before what is captured', () => {
  for (const [rules, taken] of [
    [nftRules(some), 'ip daddr 10.96.0.0/12'],
    [iptablesRules(some, 'ipv4'), '-d 10.96.0.0/12'],
  ] as const) {
    const at = (what: string) => rules.indexOf(what)
    assert.ok(at('10.97.0.0/16') > 0 && at('10.97.0.0/16') < at(taken), rules)
    assert.ok(at('5432') > 0 && at('5432') < at(taken), rules)
  }
})

test('each family has its own addresses in iptables', () => {
  assert.doesNotMatch(iptablesRules(some, 'ipv4'), /fd96|::1/)
  assert.doesNotMatch(iptablesRules(some, 'ipv6'), /10\.9|127\./)
})

test('iptables is used where there is no nft, and the log says why where there is neither', () => {
  const ran: string[] = []
  const without: RunProgram = ([command = '']) => {
    ran.push(command)
    return command === 'nft' ? undefined : { ok: true, said: '' }
  }
  assert.equal(applyRules(CAPTURE_ALL, 'auto', false, without), 'iptables')
  assert.deepEqual(new Set(ran), new Set(['nft', 'iptables-restore', 'iptables']))
  assert.throws(() => applyRules(CAPTURE_ALL, 'nft', false, without), SidecarError)
  const nothing: RunProgram = () => undefined
  assert.throws(() => applyRules(CAPTURE_ALL, 'auto', true, nothing), /no nft.*no iptables-restore.*NET_ADMIN/)
})
