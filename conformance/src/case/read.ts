/** Reads cases and their scenes from files. Whatever is wrong with one is said with its file and the place in it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { type Access, CAPABILITIES, type Capability, type Case, type Scene, type Step, type Workload } from '../case.ts'
import { fields, list, metadata, text, texts } from '../oracle/read.ts'
import type { RawObject } from '../world.ts'
import { readAsk } from './ask.ts'
import { inNamespace, isSmi, objectName } from './objects.ts'
import { problemsOf } from './schema.ts'
import { inVersion } from './versions.ts'

/** A case file that means nothing: who wrote it has to correct it before anybody is judged by it. */
export class CaseError extends Error {}

/** Every case below a folder, its variants in other versions after it, in the order of their names. */
export function readCases(folder: string): readonly Case[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .flatMap(group => readGroup(join(folder, group), group))
}

function readGroup(folder: string, group: string): readonly Case[] {
  const scene = readScene(join(folder, 'scene.yaml'), group)
  return readdirSync(folder)
    .filter(name => name.endsWith('.yaml') && name !== 'scene.yaml')
    .sort()
    .flatMap(name => {
      const file = join(folder, name)
      return readCase(readFileSync(file, 'utf8'), file, `${group}/${name.slice(0, -'.yaml'.length)}`, scene)
    })
}

/** The case of one file, and its variants. */
export function readCase(source: string, file: string, id: string, scene: Scene): readonly Case[] {
  const document = checked(source, file, 'case')
  const [home = 'default'] = scene.namespaces
  const written: Case = {
    id,
    file,
    scene,
    title: text(document['title']),
    spec: list(document['spec']).map(text),
    needs: list(document['needs']).map(capability),
    access: accessOf(fields(document['access']), scene.access),
    given: objectsOf(document['given'], home),
    steps: list(document['steps']).map(step => readStep(fields(step), home, file)),
  }
  return [written, ...list(document['alsoIn']).map(version => variant(written, text(version)))]
}

function variant(written: Case, version: string): Case {
  try {
    const rewritten = (objects: readonly RawObject[]) => objects.map(object => inVersion(object, version))
    return {
      ...written,
      id: `${written.id}@${version}`,
      given: rewritten(written.given),
      steps: written.steps.map(step => ({ ...step, apply: rewritten(step.apply) })),
    }
  } catch (error) {
    throw new CaseError(`${written.file}: alsoIn ${version}: ${error instanceof Error ? error.message : error}`)
  }
}

function readStep(step: RawObject, home: string, file: string): Step {
  const scale = Object.entries(fields(step['scale'])).map(
    ([workload, replicas]) => [workload, Number(replicas)] as const,
  )
  return {
    apply: objectsOf(step['apply'], home),
    delete: list(step['delete']).map(name => objectName(text(name), home)),
    scale: Object.fromEntries(scale),
    ask: step['then'] === undefined ? undefined : readAsk(step, home, message => new CaseError(`${file}: ${message}`)),
  }
}

function objectsOf(value: unknown, home: string): readonly RawObject[] {
  return list(value).map(object => inNamespace(fields(object), home))
}

export function readScene(file: string, group: string): Scene {
  const document = checked(readFileSync(file, 'utf8'), file, 'scene')
  const namespaces = list(document['namespaces']).map(text)
  const [home = 'default'] = namespaces
  return {
    group,
    namespaces,
    says: text(document['says']),
    access: accessOfScene(fields(document['access'])),
    workloads: Object.entries(fields(document['workloads'])).map(([name, value]) =>
      workload(name, fields(value), home),
    ),
    services: Object.entries(fields(document['services'])).map(([name, value]) => service(name, fields(value), home)),
  }
}

function workload(name: string, value: RawObject, home: string): Workload {
  return {
    name,
    namespace: text(value['namespace']) || home,
    account: text(value['account']) || 'default',
    labels: { workload: name, ...texts(value['labels']) },
    replicas: typeof value['replicas'] === 'number' ? value['replicas'] : 1,
    meshed: value['mesh'] !== false,
  }
}

function service(name: string, spec: RawObject, home: string): RawObject {
  const { namespace, ...rest } = { namespace: home, ...spec }
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec: rest }
}

/** Where nothing is enforced, callers of whom nothing is known are let in as well, unless the scene says otherwise. */
function accessOfScene(value: RawObject): Access {
  const unidentified = value['mode'] === 'permissive' ? 'allow' : 'deny'
  return accessOf(value, { mode: 'enforce', unidentified })
}

function accessOf(value: RawObject, otherwise: Access): Access {
  const { mode, unidentified } = value
  return {
    mode: mode === 'enforce' || mode === 'permissive' ? mode : otherwise.mode,
    unidentified: unidentified === 'allow' || unidentified === 'deny' ? unidentified : otherwise.unidentified,
  }
}

function checked(source: string, file: string, schema: 'case' | 'scene'): RawObject {
  let document: unknown
  try {
    document = parse(source)
  } catch (error) {
    throw new CaseError(`${file}: ${error instanceof Error ? error.message : error}`)
  }
  const problems = problemsOf(document, schema)
  if (problems.length > 0) throw new CaseError(problems.map(problem => `${file}: ${problem}`).join('\n'))
  return fields(document)
}

function capability(value: unknown): Capability {
  const found = CAPABILITIES.find(one => one === value)
  if (found === undefined) throw new CaseError(`There is no capability ${String(value)}.`)
  return found
}

/** Which SMI kinds and versions a case is written in: `TrafficSplit v1alpha4`. */
export function versionsOf({ given, steps }: Case): readonly string[] {
  const written = [...given, ...steps.flatMap(step => step.apply)]
  const asked = steps.flatMap(({ ask }) => (ask?.kind === 'refused' ? [ask.object] : []))
  const read = steps.flatMap(({ ask }) => (ask?.kind === 'read' ? [`${ask.of.kind} ${ask.version}`] : []))
  const smi = [...written, ...asked].filter(isSmi)
  const found = smi.map(object => `${text(object['kind'])} ${text(object['apiVersion']).split('/')[1]}`)
  return [...new Set([...found, ...read])].sort()
}

/** The name an object is known by within its kind. */
export function nameOfObject(object: RawObject): string {
  return text(metadata(object)['name'])
}
