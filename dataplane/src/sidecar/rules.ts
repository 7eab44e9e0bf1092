/**
 * How a pod's connections come to its proxy, as rules of the kernel: an nftables ruleset, or the same for iptables-restore.
 * Text alone; nothing is applied here.
 *
 * TCP only. A pod's connections to itself (loopback, its own address) are nobody's business and pass. The one exception is the
 * proxy calling its own pod as a peer, which happens when an application calls a Service that it answers itself: that goes
 * to the inbound side like any other peer's. The proxy's calls to the application are told from it by their DSCP.
 */
import { APPLICATION_DSCP, CAPTURE_PORT, INBOUND_PORT, READY_PORT, STATS_PORT } from '../envoy/ports.ts'
import { type Capture, ofFamily, PROXY_GROUP, PROXY_ID } from './capture.ts'

/** The name of our table, and the beginning of the names of our chains: what has it is ours to replace. */
export const TABLE = 'smi_mesh'

const OWN_PORTS: readonly number[] = [READY_PORT, STATS_PORT]

/** One transaction that puts the rules in place of those of an earlier run. For `nft -f -`. */
export function nftRules({ inbound, outbound }: Capture): string {
  const untouched = [...OWN_PORTS, ...inbound.exceptPorts]
  const lines = [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    ...nftChain('inbound', 'type nat hook prerouting priority dstnat; policy accept;', [
      'meta l4proto != tcp return',
      'fib daddr type != local return',
      `tcp dport ${nftSet(untouched)} return`,
      `${inbound.ports === 'all' ? 'meta l4proto tcp' : nftPorts(inbound.ports)} redirect to :${INBOUND_PORT}`,
    ]),
    ...nftChain('outbound', 'type nat hook output priority -100; policy accept;', [
      'meta l4proto != tcp return',
      `meta skuid ${PROXY_ID} meta skgid ${PROXY_GROUP} goto proxy`,
      'fib daddr type local return',
      ...(outbound.exceptPorts.length > 0 ? [`${nftPorts(outbound.exceptPorts)} return`] : []),
      ...nftRanges(outbound.exceptRanges).map(range => `${range} return`),
      ...(outbound.ranges === 'all' ? ['meta l4proto tcp'] : nftRanges(outbound.ranges)).map(
        range => `${range.startsWith('meta') ? range : `${range} meta l4proto tcp`} redirect to :${CAPTURE_PORT}`,
      ),
    ]),
    ...nftChain('proxy', '', [
      'fib daddr type != local return',
      'ip daddr 127.0.0.0/8 return',
      'ip6 daddr ::1 return',
      `ip dscp ${APPLICATION_DSCP} return`,
      `ip6 dscp ${APPLICATION_DSCP} return`,
      `meta l4proto tcp redirect to :${INBOUND_PORT}`,
    ]),
    '}',
  ]
  return `${lines.join('\n')}\n`
}

function nftChain(name: string, hook: string, rules: readonly string[]): readonly string[] {
  return [`  chain ${name} {`, ...[hook, ...rules].filter(rule => rule !== '').map(rule => `    ${rule}`), '  }']
}

function nftPorts(ports: readonly number[]): string {
  return `tcp dport ${nftSet(ports)}`
}

function nftSet(values: readonly (number | string)[]): string {
  return `{ ${[...new Set(values)].join(', ')} }`
}

/** One rule for each block: blocks of users overlap, which a set would refuse. */
function nftRanges(ranges: readonly string[]): readonly string[] {
  return [
    ...ofFamily(ranges, 'ipv4').map(range => `ip daddr ${range}`),
    ...ofFamily(ranges, 'ipv6').map(range => `ip6 daddr ${range}`),
  ]
}

const CHAINS = { inbound: 'SMI_MESH_IN', outbound: 'SMI_MESH_OUT', proxy: 'SMI_MESH_PROXY' } as const

/**
 * The same for one family, for `iptables-restore --noflush` or `ip6tables-restore --noflush`: our chains are emptied and
 * filled as one. What leads into them is `iptablesJumps`, because a jump that is there already must not be added again.
 */
export function iptablesRules({ inbound, outbound }: Capture, family: 'ipv4' | 'ipv6'): string {
  const untouched = [...OWN_PORTS, ...inbound.exceptPorts]
  const to = (port: number) => `-p tcp -j REDIRECT --to-ports ${port}`
  const here = family === 'ipv4' ? '127.0.0.0/8' : '::1/128'
  const taken = outbound.ranges === 'all' ? [''] : ofFamily(outbound.ranges, family).map(range => `-d ${range} `)
  const lines = [
    '*nat',
    ...Object.values(CHAINS).map(chain => `:${chain} - [0:0]`),
    ...append(CHAINS.inbound, [
      '-m addrtype ! --dst-type LOCAL -j RETURN',
      ...[...new Set(untouched)].map(port => `-p tcp --dport ${port} -j RETURN`),
      ...(inbound.ports === 'all'
        ? [to(INBOUND_PORT)]
        : inbound.ports.map(port => `-p tcp --dport ${port} -j REDIRECT --to-ports ${INBOUND_PORT}`)),
    ]),
    ...append(CHAINS.outbound, [
      `-m owner --uid-owner ${PROXY_ID} --gid-owner ${PROXY_GROUP} -g ${CHAINS.proxy}`,
      '-m addrtype --dst-type LOCAL -j RETURN',
      ...outbound.exceptPorts.map(port => `-p tcp --dport ${port} -j RETURN`),
      ...ofFamily(outbound.exceptRanges, family).map(range => `-d ${range} -j RETURN`),
      ...taken.map(range => `${range}${to(CAPTURE_PORT)}`),
    ]),
    ...append(CHAINS.proxy, [
      '-m addrtype ! --dst-type LOCAL -j RETURN',
      `-d ${here} -j RETURN`,
      `-m dscp --dscp ${APPLICATION_DSCP} -j RETURN`,
      to(INBOUND_PORT),
    ]),
    'COMMIT',
  ]
  return `${lines.join('\n')}\n`
}

function append(chain: string, rules: readonly string[]): readonly string[] {
  return rules.map(rule => `-A ${chain} ${rule}`)
}

/** The rules that lead into our chains, as words after `-A` (add) or `-C` (is it there?). */
export function iptablesJumps(): readonly (readonly string[])[] {
  return [
    ['PREROUTING', '-p', 'tcp', '-j', CHAINS.inbound],
    ['OUTPUT', '-p', 'tcp', '-j', CHAINS.outbound],
  ]
}
