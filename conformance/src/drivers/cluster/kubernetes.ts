/** What the cluster driver asks of a Kubernetes, and the one way to ask it: kubectl, which a kubeconfig is enough for. */
import { execFile } from 'node:child_process'
import type { ObjectName } from '../../case.ts'
import { fields, list, text } from '../../oracle/read.ts'
import type { RawObject } from '../../world.ts'

/** The output of kubectl; rejects with what it said instead. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<string>

export interface Kubernetes {
  apply(objects: readonly RawObject[]): Promise<void>
  /** The same, where a mesh may refuse some of them: to refuse an object that has no effect is one way to give it none. */
  offer(objects: readonly RawObject[]): Promise<void>
  delete(names: readonly ObjectName[]): Promise<void>
  /** Why the API server would not take an object; undefined where it would. */
  refusalOf(object: RawObject): Promise<string | undefined>
  /** In a version of its API, or in the one that is stored. */
  read(name: ObjectName, version?: string): Promise<RawObject | undefined>
  pods(namespace: string, label: string): Promise<readonly RawObject[]>
  exec(namespace: string, pod: string, container: string, command: readonly string[]): Promise<string>
  get(path: string): Promise<unknown>
}

/** As long as an API server that starts webhooks may take. */
const PATIENCE_MS = 120_000

export function kubectlOf(kubeconfig: string | undefined): Kubectl {
  const env = kubeconfig === undefined ? process.env : { ...process.env, KUBECONFIG: kubeconfig }
  return (args, input) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const options = { env, timeout: PATIENCE_MS, maxBuffer: 64 * 2 ** 20 }
    const child = execFile('kubectl', args, options, (error, said, complained) => {
      if (error === null) resolve(said)
      else reject(new Error(`kubectl ${args.join(' ')}: ${complained || error.message}`.trim(), { cause: error }))
    })
    child.stdin?.end(input)
    return promise
  }
}

const RESOURCES: Readonly<Record<string, string>> = {
  HTTPRouteGroup: 'httproutegroups.specs.smi-spec.io',
  TCPRoute: 'tcproutes.specs.smi-spec.io',
  UDPRoute: 'udproutes.specs.smi-spec.io',
  TrafficSplit: 'trafficsplits.split.smi-spec.io',
  TrafficTarget: 'traffictargets.access.smi-spec.io',
  IdentityBinding: 'identitybindings.access.smi-spec.io',
}

/** With its group, because others have kinds of the same name; and with a version, to be read in that one. */
function resource(kind: string, version?: string): string {
  const [plural = kind, ...group] = (RESOURCES[kind] ?? kind.toLowerCase()).split('.')
  return [plural, ...(version === undefined || group.length === 0 ? [] : [version]), ...group].join('.')
}

const APPLY = ['apply', '--server-side', '--force-conflicts', '--field-manager=smi-conformance', '-f', '-']

export function kubernetes(kubectl: Kubectl): Kubernetes {
  const apply = async (objects: readonly RawObject[]) => {
    if (objects.length > 0) await kubectl(APPLY, listOf(objects))
  }
  return {
    apply,
    offer: async objects => {
      try {
        await apply(objects)
      } catch (error) {
        // kubectl applies the others all the same
        if (!/admission webhook "[^"]*" denied the request/.test(error instanceof Error ? error.message : ''))
          throw error
      }
    },
    delete: async names => {
      for (const [namespace, here] of Map.groupBy(names, one => one.namespace)) {
        const where = namespace === '' ? [] : ['-n', namespace]
        const those = here.map(({ kind, name }) => `${resource(kind)}/${name}`)
        await kubectl(['delete', ...those, ...where, '--ignore-not-found', '--wait'])
      }
    },
    refusalOf: async object => {
      try {
        await kubectl([...APPLY, '--dry-run=server'], JSON.stringify(object))
        return undefined
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error)
        if (/denied the request|is invalid|ValidationError|failed to create typed patch/.test(said)) return said
        throw error
      }
    },
    read: async ({ kind, namespace, name }, version) => {
      const args = ['get', resource(kind, version), name, '-n', namespace, '-o', 'json', '--ignore-not-found']
      const said = await kubectl(args)
      return said.trim() === '' ? undefined : fields(JSON.parse(said))
    },
    pods: async (namespace, label) => {
      const said = await kubectl(['get', 'pods', '-n', namespace, '-l', label, '-o', 'json'])
      return list(fields(JSON.parse(said))['items']).map(fields)
    },
    exec: (namespace, pod, container, command) =>
      kubectl(['exec', '-n', namespace, pod, '-c', container, '--', ...command]),
    get: async path => JSON.parse(await kubectl(['get', '--raw', path])),
  }
}

function listOf(items: readonly RawObject[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items })
}

/** Ready, and not on its way out. */
export function isReady(pod: RawObject): boolean {
  const conditions = list(fields(pod['status'])['conditions']).map(fields)
  const leaving = fields(pod['metadata'])['deletionTimestamp'] !== undefined
  return !leaving && conditions.some(({ type, status }) => text(type) === 'Ready' && text(status) === 'True')
}
