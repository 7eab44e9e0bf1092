/** `smictl can`: whether a call would be let through, by which rule, and where it would go. */
import {
  type BackendDecision,
  type Call,
  type Decision,
  decide,
  type Mesh,
  type MeshConfig,
  type MeshRequest,
  parseSpiffeId,
  refText,
  serviceKey,
  serviceOfHost,
  spiffeId,
  type Verdict,
} from '@smi-mesh/dataplane/mesh'
import { Command, InvalidArgumentError } from 'commander'
import { ExitCode } from './exit-code.ts'
import { look } from './objects.ts'
import {
  type FilesOptions,
  type MeshOptions,
  meshConfig,
  type OutputOptions,
  withFiles,
  withMeshOptions,
  withOutput,
} from './options.ts'
import { print } from './output.ts'
import type { World } from './world.ts'

type Headers = Readonly<Record<string, readonly string[]>>

interface CanOptions extends FilesOptions, MeshOptions, OutputOptions {
  readonly namespace: string
  readonly header?: Headers
}

export interface Answer {
  readonly allowed: 'yes' | 'no' | 'some'
  /** One sentence: why. */
  readonly because: string
  readonly request: MeshRequest
  readonly decision: Decision
  /** What the answer depends on beside the objects. */
  readonly pathRegex: MeshConfig['pathRegex']
}

export function canCommand(world: World): Command {
  const command = new Command('can')
    .summary('may this caller make this call, and which rule says so')
    .description(
      'Says whether a caller may make a call, which rule decides it, and where the call would go. The answer is computed from the\n' +
        'same mesh that the proxies are configured from. Without method and path the call is plain TCP.',
    )
    .argument('<caller>', '`sa/<name>` in the namespace of -n, `sa/<namespace>/<name>`, or `unidentified`')
    .argument('<call...>', '`<method> <path> <host>[:<port>]`, or `<host>[:<port>]` for TCP')
    .option('-n, --namespace <name>', 'the namespace the caller is in', 'default')
    .option('-H, --header <name:value>', 'a header of the request (repeat for several)', header)
  withOutput(withMeshOptions(withFiles(command)), ['table', 'json', 'yaml'])
  return command
    .addHelpText(
      'after',
      `
Examples:
  smictl can -f shop -n web sa/storefront GET /checkout checkout.shop:8080
  smictl can -f shop -n shop sa/checkout POST /pay payments -H 'x-tenant: a'
  smictl can -f shop unidentified GET / storefront.web:8080
  smictl can -f shop -n shop sa/checkout database:5432

Exit status: 0 yes, 1 no or only in part, 2 not understood.`,
    )
    .action((caller: string, call: readonly string[], options: CanOptions) => {
      const config = meshConfig(options)
      const { translation, origins } = look(world, options.files, config)
      const request = requestOf(translation.mesh, caller, call, options)
      const answer = answerTo(translation.mesh, request)
      const stranger = unknownCaller(translation.mesh, request, new Set(origins.keys()))
      if (stranger !== undefined) world.complain(`${stranger}\n`)
      world.write(print(options.output, answer, () => renderAnswer(answer)))
      world.finish(answer.allowed === 'yes' ? ExitCode.ok : ExitCode.found)
    })
}

/** The words of the command line as a request to the mesh. */
export function requestOf(
  mesh: Mesh,
  caller: string,
  words: readonly string[],
  { namespace, header = {} }: Pick<CanOptions, 'namespace' | 'header'>,
): MeshRequest {
  const [method = '', path = '', target = ''] = words.length === 1 ? ['', '', words[0]] : words
  if (words.length !== 1 && words.length !== 3) {
    throw new InvalidArgumentError('Write `<method> <path> <host>:<port>`, or `<host>:<port>` alone for TCP.')
  }
  const [, named = '', digits] = /^(.+?)(?::(\d{1,5}))?$/.exec(target) ?? []
  const [, account, other] = /^sa\/([^/]+)(?:\/([^/]+))?$/.exec(caller) ?? []
  if (account === undefined && caller !== 'unidentified') {
    throw new InvalidArgumentError('Write the caller as sa/<service account>, or `unidentified`.')
  }
  const home = other === undefined ? namespace : (account ?? namespace)
  const source =
    account === undefined
      ? ('unidentified' as const)
      : spiffeId(mesh.config.trustDomain, { namespace: home, serviceAccount: other ?? account })
  // A caller without identity has no namespace that a short name could be meant in, but whoever asks has.
  const host = source === 'unidentified' && !named.includes('.') ? `${named}.${namespace}` : named
  const port = digits === undefined ? onlyPort(mesh, host, home) : Number(digits)
  const headers = { host: named, ...header }
  const call: Call = method === '' ? { kind: 'tcp' } : { kind: 'http', method: method.toUpperCase(), path, headers }
  return { source, destination: { kind: 'host', host, port }, call }
}

function onlyPort(mesh: Mesh, host: string, home: string): number {
  const named = serviceOfHost(host, home, mesh.config.clusterDomain)
  const service = named === undefined ? undefined : mesh.services.get(serviceKey(named.namespace, named.name))
  const [first, ...others] = service?.ports ?? []
  if (first !== undefined && others.length === 0) return first.port
  const ports = service?.ports.map(({ port }) => port).join(', ') ?? ''
  throw new InvalidArgumentError(
    service === undefined
      ? `There is no Service ${host.includes('.') ? host : `${host} in namespace ${home}`}; name one that the files have.`
      : `${host} has the ports ${ports}; write ${host}:<port>.`,
  )
}

/** A remark where the caller is nobody the files speak of: the answer holds, but perhaps not for whom it was meant. */
function unknownCaller(mesh: Mesh, { source }: MeshRequest, objects: ReadonlySet<string>): string | undefined {
  const account = parseSpiffeId(source)
  // Every namespace of a cluster has an account of this name.
  if (account === undefined || account.serviceAccount === 'default') return undefined
  const ref = { kind: 'ServiceAccount', namespace: account.namespace, name: account.serviceAccount }
  if (objects.has(refText(ref)) || [...mesh.workloads.entries()].some(([, { identity }]) => identity === source)) {
    return undefined
  }
  return `The files have no ${refText(ref)}, and no pod that runs as it. Correct the name, or its namespace (-n).`
}

/** The decision of the mesh, summed up. */
export function answerTo(mesh: Mesh, request: MeshRequest): Answer {
  const decision = decide(mesh, request)
  const { allowed, because } = sumUp(decision, request)
  return { allowed, because, request, decision, pathRegex: mesh.config.pathRegex }
}

function sumUp(decision: Decision, request: MeshRequest): Pick<Answer, 'allowed' | 'because'> {
  switch (decision.kind) {
    case 'unknown':
      return { allowed: 'no', because: unknownText(decision.reason, request) }
    case 'refused':
      return { allowed: 'no', because: `The route answers ${decision.status} itself (${decision.reason}).` }
    case 'judged':
      return { allowed: decision.verdict.allowed ? 'yes' : 'no', because: verdictText(decision.verdict, request) }
    case 'routed':
      return sumUpBackends(decision.backends, request)
  }
}

function unknownText(
  reason: Extract<Decision, { kind: 'unknown' }>['reason'],
  { destination, source }: MeshRequest,
): string {
  switch (reason) {
    case 'no-such-service':
      return `There is no Service ${destination.kind === 'host' ? serviceText(destination.host, source) : 'of this name'}.`
    case 'no-such-port':
      return `The Service has no ${destination.kind === 'host' ? `port ${destination.port}` : 'such port'}.`
    case 'no-such-workload':
      return 'There is no such workload, or it has no such port.'
    case 'bad-path':
      return 'The proxies answer this themselves (400 or 404): the path is none or has a fragment, or the method is CONNECT.'
    case 'no-http':
      return 'The port speaks HTTP, so the proxies answer 400 to plain bytes. Ask with a method and a path.'
  }
}

/** A short name is one of the caller's namespace, which the caller may not have thought of. */
function serviceText(host: string, source: MeshRequest['source']): string {
  const namespace = parseSpiffeId(source)?.namespace
  return host.includes('.') || namespace === undefined ? host : `${host} in namespace ${namespace}`
}

function sumUpBackends(
  backends: readonly BackendDecision[],
  request: MeshRequest,
): Pick<Answer, 'allowed' | 'because'> {
  const answers = new Set(backends.map(backend => backend.allowed))
  const verdicts = backends.flatMap(backend => backend.servers.map(server => server.verdict))
  const because = (verdict: Verdict | undefined) => (verdict === undefined ? '' : verdictText(verdict, request))
  if (answers.has('nobody-there') && answers.size === 1)
    return { allowed: 'no', because: 'Nobody is ready there: the Service has no endpoints.' }
  if (answers.size === 1 && answers.has('yes')) return { allowed: 'yes', because: because(verdicts[0]) }
  const refusal = because(verdicts.find(verdict => !verdict.allowed))
  if (answers.size === 1 && answers.has('no')) return { allowed: 'no', because: refusal }
  return { allowed: 'some', because: `Only some of the backends may be called. ${refusal}`.trim() }
}

/** Why a server lets a request in or does not, as a sentence. */
export function verdictText(verdict: Verdict, request: MeshRequest): string {
  switch (verdict.kind) {
    case 'rule':
      return `${verdict.from
        .filter(ref => ref.kind === 'TrafficTarget')
        .map(refText)
        .join(', ')} allows it (rule ${verdict.rule}).`
    case 'mode':
      return `No TrafficTarget allows it, but access is in ${verdict.mode} mode there.`
    case 'no-rule':
      return `No TrafficTarget lets ${callerText(request)} do this, and access is enforced there.`
    case 'unidentified':
      return verdict.allowed
        ? 'Callers without an identity are let in there (smi-mesh.dev/unidentified: allow).'
        : 'Callers without an identity are refused there.'
    case 'no-port':
      return 'The pods behind it do not listen on the target port.'
    case 'escaped-slash':
      return 'The server answers 400 to an escaped slash in the path, because the application might read another path than was judged.'
    case 'outside':
      return 'The server is not in the mesh, so nobody decides.'
  }
}

function callerText({ source }: MeshRequest): string {
  const account = parseSpiffeId(source)
  return account === undefined ? source : `ServiceAccount ${account.namespace}/${account.serviceAccount}`
}

export function renderAnswer({ allowed, because, decision, pathRegex }: Answer): string {
  const lines = [`${allowed}: ${because}`]
  if (decision.kind === 'routed' || decision.kind === 'refused') {
    lines.push(`  route   ${decision.route.from.map(refText).join(', ')}`)
  }
  if (decision.kind === 'routed') {
    for (const { backend, share, allowed, servers } of decision.backends) {
      const rules = servers.map(({ verdict }) => (verdict.kind === 'rule' ? verdict.rule : verdict.kind))
      lines.push(
        `  ${(share * 100).toFixed(1).padStart(5)} %  ${backend}  ${allowed}  ${[...new Set(rules)].join(', ')}`.trimEnd(),
      )
    }
  }
  const modes = new Set(verdictsOf(decision).flatMap(verdict => ('mode' in verdict ? [verdict.mode] : [])))
  if (modes.size > 0) lines.push(`  access  ${[...modes].join(', ')}`)
  lines.push(
    `  regex   pathRegex must fit ${pathRegex === 'start' ? 'the start of the path' : 'the whole path'} (--path-regex ${pathRegex})`,
  )
  return `${lines.join('\n')}\n`
}

function verdictsOf(decision: Decision): readonly Verdict[] {
  if (decision.kind === 'judged') return [decision.verdict]
  return decision.kind === 'routed'
    ? decision.backends.flatMap(backend => backend.servers.map(server => server.verdict))
    : []
}

function header(text: string, before: Headers = {}): Headers {
  const colon = text.indexOf(':')
  if (colon < 1) throw new InvalidArgumentError('Write <name>:<value>, such as -H "x-user: ann".')
  const name = text.slice(0, colon).trim().toLowerCase()
  return { ...before, [name]: [...(before[name] ?? []), text.slice(colon + 1).trim()] }
}
