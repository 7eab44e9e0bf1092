/** Names of objects as cases write them, and objects with the namespace they leave out. */
import type { ObjectName } from '../case.ts'
import { metadata, nameOf, text } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'

/** `TrafficSplit/canary`, or `TrafficSplit/other/canary` for one of another namespace. */
export function objectName(written: string, home: string): ObjectName {
  const [kind = '', ...rest] = written.split('/')
  const [first = '', second] = rest
  return second === undefined ? { kind, namespace: home, name: first } : { kind, namespace: first, name: second }
}

export function nameOfRaw(object: RawObject): ObjectName {
  return { kind: text(object['kind']), ...nameOf(object) }
}

export function sameObject(a: ObjectName, b: ObjectName): boolean {
  return a.kind === b.kind && a.namespace === b.namespace && a.name === b.name
}

export function isSmi(object: RawObject): boolean {
  return text(object['apiVersion']).includes('.smi-spec.io/')
}

export function objectText({ kind, namespace, name }: ObjectName): string {
  return `${kind} ${namespace}/${name}`
}

/** The object, in the namespace it is written for. */
export function inNamespace(object: RawObject, home: string): RawObject {
  return { ...object, metadata: { namespace: home, ...metadata(object) } }
}
