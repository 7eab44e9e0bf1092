/** The canary story as data: which file is saved, what must then be true, and which answer proves that the mesh obeys. */
import type { Answer } from './shopper.ts'

export interface Step {
  readonly title: string
  /** File name → new text; null deletes it. */
  readonly save: Readonly<Record<string, string | null>>
  /**
   * `first`: the first answer that could not have come before. `last`: the last answer that should not come any more.
   * `none`: every answer could have come before too, so no single one proves anything.
   */
  readonly proof:
    | { readonly kind: 'first' | 'last'; readonly answer: (answer: Answer) => boolean }
    | { readonly kind: 'none' }
  /** What part of whose answers v2 must have, in percent. */
  readonly shares: readonly { readonly whose: string; readonly of: (answer: Answer) => boolean; readonly v2: number }[]
}

const everyone = () => true
const insiders = (answer: Answer) => answer.insider
const others = (answer: Answer) => !answer.insider

function split(name: string, v1: number, v2: number, matches = ''): string {
  return `apiVersion: split.smi-spec.io/v1alpha4
kind: TrafficSplit
metadata: { name: ${name}, namespace: shop }
spec:
  service: checkout
${matches}  backends:
    - { service: checkout-v1, weight: ${v1} }
    - { service: checkout-v2, weight: ${v2} }
`
}

const AB_TEST = `apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: insiders, namespace: shop }
spec:
  matches:
    - { name: insiders, headers: { x-insider: "true" } }
---
${split('checkout-ab', 0, 100, '  matches: [{ kind: HTTPRouteGroup, name: insiders }]\n')}---
${split('checkout-canary', 100, 0)}`

const is = (version: string) => (answer: Answer) => answer.version === version

/** `policy` is the text of the shop's own policy.yaml. */
export function story(policy: string): readonly Step[] {
  const canary = (v1: number, v2: number) => ({ 'split.yaml': split('checkout-canary', v1, v2) })
  return [
    {
      title: 'The storefront may call the checkout, and the checkout the payments',
      save: { 'policy.yaml': policy },
      proof: { kind: 'first', answer: answer => answer.status === 200 },
      shares: [{ whose: 'everyone', of: everyone, v2: 0 }],
    },
    {
      title: 'A canary: one request in ten goes to version 2',
      save: canary(90, 10),
      proof: { kind: 'first', answer: is('v2') },
      shares: [{ whose: 'everyone', of: everyone, v2: 10 }],
    },
    {
      title: 'It does well: half of them',
      save: canary(50, 50),
      proof: { kind: 'none' },
      shares: [{ whose: 'everyone', of: everyone, v2: 50 }],
    },
    {
      title: 'All of them',
      save: canary(0, 100),
      proof: { kind: 'last', answer: is('v1') },
      shares: [{ whose: 'everyone', of: everyone, v2: 100 }],
    },
    {
      title: 'An A/B test: version 2 for insiders (by a header), version 1 for all others',
      save: { 'split.yaml': AB_TEST },
      proof: { kind: 'first', answer: is('v1') },
      shares: [
        { whose: 'insiders', of: insiders, v2: 100 },
        { whose: 'others', of: others, v2: 0 },
      ],
    },
    {
      title: 'Rollback: version 1 for everyone',
      save: canary(100, 0),
      proof: { kind: 'first', answer: answer => answer.insider && answer.version === 'v1' },
      shares: [{ whose: 'everyone', of: everyone, v2: 0 }],
    },
  ]
}

/** What the shop starts with, beside its workloads: nothing is allowed, and version 2 gets nothing. */
export const BEGINNING: Readonly<Record<string, string>> = { 'split.yaml': split('checkout-canary', 100, 0) }
