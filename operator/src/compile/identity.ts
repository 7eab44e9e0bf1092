/** IdentityBinding semantics: which ServiceAccounts of its namespace it means. An identity is a ServiceAccount and nothing finer. */
import { type MeshConfig, type PodKey, parseSpiffeId } from '@smi-mesh/dataplane/mesh'
import { type NameKey, nameKey } from '../facts/fact-tables.ts'
import type { IdentityBindingFacts } from '../facts/facts.ts'
import { quoted } from '../facts/reduced.ts'
import { type Compiled, type Finding, finding } from './finding.ts'
import { type LabelKey, labelKeys, type PodTraits } from './pod.ts'

/** What may be looked at to resolve a binding. */
export interface BindingScenery {
  readonly accounts: (account: NameKey) => boolean | undefined
  readonly podsByLabel: (label: LabelKey) => ReadonlySet<PodKey>
  readonly podsByAccount: (account: NameKey) => ReadonlySet<PodKey>
  readonly traits: (pod: PodKey) => PodTraits | undefined
}

/** The ServiceAccounts a binding means, sorted. Its schemes are alternatives (OR). */
export function compileBinding(
  binding: IdentityBindingFacts,
  scenery: BindingScenery,
  config: MeshConfig,
): Compiled<readonly NameKey[]> {
  const { ref, podLabels, serviceAccount } = binding
  const findings: Finding[] = []
  const accounts = new Set(fromIdentities(binding, config, findings))
  if (serviceAccount !== undefined) {
    const account = nameKey(ref.namespace, serviceAccount)
    accounts.add(account)
    if (!scenery.accounts(account)) {
      const message = `ServiceAccount ${account} does not exist and no pod runs under it. Create it, or correct the name.`
      findings.push(finding(ref, 'ServiceAccountNotFound', 'spec.schemes.serviceAccount', message))
    }
  }
  if (podLabels !== undefined)
    for (const account of fromLabels(binding, podLabels, scenery, findings)) accounts.add(account)
  return { value: [...accounts].sort(), findings }
}

/** The examples of the text leave out `spiffe://`; both spellings are read. A binding speaks for its own namespace only. */
function fromIdentities(
  { ref, spiffeIdentities }: IdentityBindingFacts,
  { trustDomain }: MeshConfig,
  findings: Finding[],
): readonly NameKey[] {
  return spiffeIdentities.flatMap((written, index) => {
    const parsed = parseSpiffeId(written.startsWith('spiffe://') ? written : `spiffe://${written}`)
    if (parsed !== undefined && parsed.trustDomain === trustDomain && parsed.namespace === ref.namespace) {
      return [nameKey(parsed.namespace, parsed.serviceAccount)]
    }
    const message = `${quoted(written)} is no ServiceAccount of this namespace; it is left out. Write ${trustDomain}/ns/${ref.namespace}/sa/<service account>.`
    findings.push(finding(ref, 'IdentityOutOfScope', `spec.schemes.spiffeIdentities[${index}]`, message))
    return []
  })
}

/** Certificates name ServiceAccounts, so labels mean one only if every pod that runs under it bears them. */
function fromLabels(
  { ref }: IdentityBindingFacts,
  labels: Readonly<Record<string, string>>,
  { podsByLabel, podsByAccount, traits }: BindingScenery,
  findings: Finding[],
): readonly NameKey[] {
  const field = 'spec.schemes.podLabelSelector'
  const [first, ...others] = labelKeys(ref.namespace, labels).map(label => podsByLabel(label))
  const pods = new Set([...(first ?? [])].filter(pod => others.every(set => set.has(pod))))
  if (pods.size === 0) {
    findings.push(
      finding(
        ref,
        'SelectorMatchesNothing',
        field,
        'No pod bears these labels, so they mean nobody. Correct them, or start the pods.',
      ),
    )
  }
  const accounts = new Set([...pods].flatMap(pod => traits(pod)?.account ?? []))
  return [...accounts].sort().filter(account => {
    if ([...podsByAccount(account)].every(pod => pods.has(pod))) return true
    const message = `Some pods of ServiceAccount ${account} bear these labels and others do not, so it is not meant. Give the selected pods a ServiceAccount of their own.`
    findings.push(finding(ref, 'SelectorAmbiguous', field, message))
    return false
  })
}
