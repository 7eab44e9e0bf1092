/** Puts rules into the network namespace this process is in. Doing it twice is the same as doing it once. */
import { spawnSync } from 'node:child_process'
import type { Capture } from './capture.ts'
import { iptablesJumps, iptablesRules, nftRules } from './rules.ts'
import { SidecarError } from './sidecar-error.ts'

export type RulesBackend = 'nft' | 'iptables'

/** How a program ended; undefined where there is no such program. */
export type RunProgram = (
  words: readonly string[],
  input: string,
) => { readonly ok: boolean; readonly said: string } | undefined

/** With the backend that was asked for; with `auto`, nftables and where those cannot be used, iptables. */
export function applyRules(
  capture: Capture,
  backend: RulesBackend | 'auto',
  hasIpv6: boolean,
  run: RunProgram = program,
): RulesBackend {
  if (backend === 'iptables') return withIptables(capture, hasIpv6, run)
  const obstacle = nftObstacle(capture, run)
  if (obstacle === undefined) return 'nft'
  if (backend === 'nft') throw refused(obstacle)
  try {
    return withIptables(capture, hasIpv6, run)
  } catch (error) {
    throw refused(`${obstacle} ${error instanceof Error ? error.message : ''}`)
  }
}

function nftObstacle(capture: Capture, run: RunProgram): string | undefined {
  const result = run(['nft', '-f', '-'], nftRules(capture))
  if (result?.ok) return undefined
  return result === undefined ? 'There is no nft in this image.' : `nft says: ${result.said}`
}

/** IPv6 has tables of its own; where the pod has no address of that family there may be none. */
function withIptables(capture: Capture, hasIpv6: boolean, run: RunProgram): RulesBackend {
  const families = hasIpv6 ? (['ipv4', 'ipv6'] as const) : (['ipv4'] as const)
  for (const family of families) {
    const name = family === 'ipv4' ? 'iptables' : 'ip6tables'
    must(run([`${name}-restore`, '--noflush', '--wait', '5'], iptablesRules(capture, family)), `${name}-restore`)
    for (const jump of iptablesJumps()) {
      const there = run([name, '--wait', '5', '-t', 'nat', '-C', ...jump], '')
      if (!there?.ok) must(run([name, '--wait', '5', '-t', 'nat', '-A', ...jump], ''), name)
    }
  }
  return 'iptables'
}

function must(result: ReturnType<RunProgram>, name: string): void {
  if (result === undefined) throw refused(`There is no ${name} in this image.`)
  if (!result.ok) throw refused(`${name} says: ${result.said}`)
}

function refused(detail: string): SidecarError {
  return new SidecarError(
    `The rules that lead this pod's connections to its proxy cannot be set. ${detail} This container needs to run as root with ` +
      'the capability NET_ADMIN, on a node whose kernel has nf_tables or ip_tables with NAT.',
  )
}

const program: RunProgram = ([command = '', ...words], input) => {
  const { status, stderr, error } = spawnSync(command, words, { input, encoding: 'utf8', timeout: 30_000 })
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return undefined
  const said = (error?.message ?? stderr ?? '').trim().split('\n').slice(0, 3).join(' ')
  return { ok: status === 0, said: said === '' ? `ended with status ${status}.` : said }
}
