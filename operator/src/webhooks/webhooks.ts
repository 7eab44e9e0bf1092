/** What is behind each path of the webhook server: out of a review comes a verdict, and what is to be told beside it. */
import { isSmi } from '@smi-mesh/smi-crds'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'
import type { Announcer, EventSubject } from '../status/index.ts'
import { type AdmissionRequest, admissionAnswer, admissionRequest, type Verdict } from './admission-review.ts'
import { conversionAnswer } from './conversion-review.ts'
import type { InjectContext } from './inject-context.ts'
import { judgePod, type Uninjected } from './judge-pod.ts'
import { judgeSmi, type WhatIf } from './judge-smi.ts'
import type { Webhook } from './server.ts'

export interface WebhooksOptions {
  readonly whatIf: WhatIf
  /** What becomes of a pod that cannot be given a proxy, in a namespace. */
  readonly uninjected: (namespace: string) => Uninjected
  readonly injection: Omit<InjectContext, 'namespace' | 'joined'>
  /** Whether the cluster has been read. Objects are converted before. */
  readonly serves: () => boolean
  /** Tells the owner of a pod why it was given no proxy. */
  readonly announcer: Pick<Announcer, 'warn'>
}

/** A conversion is asked of all objects of a list at once; an admission of one, which has 3 MB at most, as it was and as it is. */
const MOST_BYTES = { conversion: 64 << 20, admission: 8 << 20 }
/** An API server reads objects 10,000 deep. One that came to be stored must not keep a list from being read. */
const MOST_DEEP = { conversion: 20_000, admission: 500 }

/** By path. */
export function webhooks(options: WebhooksOptions): ReadonlyMap<string, Webhook> {
  const isReady = options.serves
  return new Map([
    ['/convert', { answer: conversionAnswer, mostBytes: MOST_BYTES.conversion, mostDepth: MOST_DEEP.conversion }],
    ['/validate', { ...admission(request => noSmi(request) ?? judgeSmi(request, options.whatIf)), isReady }],
    ['/inject', { ...admission(request => noPod(request) ?? injected(request, options)), isReady }],
  ])
}

/** A sentence of the judge's goes to whoever configured the webhook: the review is none that it can answer. */
function admission(judge: (request: AdmissionRequest) => Verdict | string): Webhook {
  const answer = (body: unknown): Fields | string => {
    const request = admissionRequest(body)
    if (typeof request === 'string') return request
    const verdict = judge(request)
    return typeof verdict === 'string' ? verdict : admissionAnswer(request.uid, verdict)
  }
  return { answer, mostBytes: MOST_BYTES.admission, mostDepth: MOST_DEEP.admission }
}

function noPod({ kind }: AdmissionRequest): string | undefined {
  if (kind.group === '' && kind.kind === 'Pod') return undefined
  return `Pods are given proxies here, and ${textOf(kind.kind, 'nothing')} is none: correct the rules of the MutatingWebhookConfiguration.`
}

function noSmi({ kind, object }: AdmissionRequest): string | undefined {
  if (object === undefined || isSmi(object)) return undefined
  return `Objects of SMI are judged here, and ${textOf(kind.kind, 'nothing')} is none: correct the rules of the ValidatingWebhookConfiguration.`
}

/** That a namespace has joined is for the API server to know: it would not have asked otherwise. */
function injected(request: AdmissionRequest, { injection, uninjected, announcer }: WebhooksOptions): Verdict {
  const { verdict, event } = judgePod(request, { ...injection, joined: true }, uninjected(request.namespace))
  const about = ownerOf(request)
  if (event !== undefined && about !== undefined && !request.dryRun) announcer.warn(about, event)
  return verdict
}

/** The pod is not there yet, and often has no name; whoever makes it has, and is where its user looks. */
function ownerOf({ object, namespace, name }: AdmissionRequest): EventSubject | undefined {
  const [owner] = listOf(fieldsOf(object?.['metadata'])['ownerReferences']).map(fieldsOf)
  if (owner === undefined) return name === '' ? undefined : { apiVersion: 'v1', kind: 'Pod', namespace, name, uid: '' }
  const text = (field: string) => textOf(owner[field])
  return { apiVersion: text('apiVersion'), kind: text('kind'), namespace, name: text('name'), uid: text('uid') }
}
