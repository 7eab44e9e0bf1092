/** Which object a document is: the reference that an API server would know it by. */
import type { ObjectRef } from '@smi-mesh/dataplane/mesh'
import { misspelling } from '@smi-mesh/smi-crds'
import { objectRef } from '../object-ref.ts'

export type Document = Readonly<Record<string, unknown>>

/** A document with its identity, as an API server would keep it and as it is written; or the field that keeps it from one. */
export type Identified =
  | { readonly kind: 'object'; readonly ref: ObjectRef; readonly object: Document; readonly written: Document }
  | { readonly kind: 'unidentified'; readonly field: string; readonly message: string }

/** Kinds without a namespace, as far as they are met in folders of manifests. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set([
  'APIService',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'GatewayClass',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'Node',
  'PersistentVolume',
  'PriorityClass',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
])

/** Reads group, kind, namespace and name; an absent namespace becomes `default`, in the object too, as on an API server. */
export function identify(document: unknown): Identified {
  if (!isDocument(document))
    return unidentified('', 'This document is no object. Write `apiVersion:`, `kind:` and `metadata:`.')
  const { apiVersion, kind, metadata } = document
  if (!isName(apiVersion))
    return unidentified('apiVersion', 'This object has no apiVersion. Add one, such as `apiVersion: v1`.')
  if (!isName(kind)) return unidentified('kind', 'This object has no kind. Add one, such as `kind: Service`.')
  const slip = misspelling(document)
  if (slip !== undefined) return unidentified(slip.path, slip.message)
  if (!isDocument(metadata))
    return unidentified('metadata', `This ${kind} has no metadata. Add \`metadata:\` with a \`name:\`.`)
  const { name, namespace } = metadata
  if (!isName(name)) return unidentified('metadata.name', `This ${kind} has no name. Add \`metadata.name\`, a text.`)
  if (!fitsPath(name))
    return unidentified('metadata.name', `No API server takes this name of a ${kind}. ${HOW_TO_NAME}`)
  if (CLUSTER_SCOPED.has(kind)) {
    return { kind: 'object', ref: objectRef(apiVersion, kind, '', name), object: document, written: document }
  }
  if (namespace === undefined || namespace === null || namespace === '') {
    const object = { ...document, metadata: { ...metadata, namespace: 'default' } }
    return { kind: 'object', ref: objectRef(apiVersion, kind, 'default', name), object, written: document }
  }
  if (!isName(namespace)) {
    return unidentified(
      'metadata.namespace',
      `The namespace of ${kind} ${name} is no text. Quote it, or leave it out for \`default\`.`,
    )
  }
  if (!fitsPath(namespace))
    return unidentified('metadata.namespace', `No API server takes the namespace of ${kind} ${name}. ${HOW_TO_NAME}`)
  return { kind: 'object', ref: objectRef(apiVersion, kind, namespace, name), object: document, written: document }
}

const HOW_TO_NAME = 'Write lower-case letters, digits, hyphens and dots.'

/** The least that Kubernetes asks of any name, since it stands in addresses; here it stands in headers and certificates too. */
function fitsPath(name: string): boolean {
  return /^(?!\.{1,2}$)[^\s/%\p{C}]+$/u.test(name)
}

export function isDocument(value: unknown): value is Document {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function unidentified(field: string, message: string): Identified {
  return { kind: 'unidentified', field, message }
}
