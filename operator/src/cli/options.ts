/** Options that several commands share, spelled once, and what their values mean. */
import { type AccessMode, DEFAULT_MESH_CONFIG, type MeshConfig } from '@smi-mesh/dataplane/mesh'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { FORMATS, type Format } from './output.ts'

export interface MeshOptions {
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly access: AccessMode
  readonly pathRegex: 'start' | 'full'
  readonly emptyBackends: 'skip' | 'fail'
  readonly escapedSlashes: 'reject' | 'keep'
}

const ACCESS_MODES: readonly AccessMode[] = ['enforce', 'audit', 'permissive']
const TRUST_DOMAIN = /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/

/** The choices that hold for the whole mesh. */
export function withMeshOptions(command: Command): Command {
  const config = DEFAULT_MESH_CONFIG
  return command
    .addOption(
      new Option('--access <mode>', 'who may call where a namespace says nothing')
        .choices(ACCESS_MODES)
        .default(config.access),
    )
    .addOption(
      new Option(
        '--path-regex <reach>',
        'how far pathRegex must reach: `start` of the path (as SMI says) or `full` path',
      )
        .choices(['start', 'full'])
        .default(config.pathRegex),
    )
    .addOption(
      new Option(
        '--empty-backends <what>',
        "a split's share without a ready endpoint: `skip` it (the others take it) or `fail` (503)",
      )
        .choices(['skip', 'fail'])
        .default(config.emptyBackends),
    )
    .addOption(
      new Option('--escaped-slashes <what>', 'a path with %2F or %5C in it: `reject` it (400) or `keep` it as it came')
        .choices(['reject', 'keep'])
        .default(config.escapedSlashes),
    )
    .addOption(
      new Option('--trust-domain <domain>', 'the SPIFFE trust domain of all identities')
        .argParser(trustDomain)
        .default(config.trustDomain),
    )
    .addOption(
      new Option('--cluster-domain <domain>', 'the DNS domain that ends fully qualified Service names')
        .argParser(trustDomain)
        .default(config.clusterDomain),
    )
}

export function meshConfig(options: MeshOptions): MeshConfig {
  const { trustDomain, clusterDomain, access, pathRegex, emptyBackends, escapedSlashes } = options
  return { ...DEFAULT_MESH_CONFIG, trustDomain, clusterDomain, access, pathRegex, emptyBackends, escapedSlashes }
}

/** Whoever may sign for the mesh, where that is not the mesh itself. */
export function withAuthorityFiles(command: Command): Command {
  return command.option(
    '--authority-files <folder>',
    'sign with the authority in it (tls.crt, tls.key, ca.crt, as cert-manager writes them) and make no root',
  )
}

export interface FilesOptions {
  readonly files: readonly string[]
}

/** The folders and files that a command looks at. */
export function withFiles(command: Command): Command {
  return command.addOption(filesOption().makeOptionMandatory())
}

/** One value each: a list would swallow the arguments that follow it. */
export function filesOption(): Option {
  return new Option('-f, --files <path>', 'a folder or file of Kubernetes YAML (repeat for several)').argParser(
    (path: string, before: readonly string[] | undefined) => [...(before ?? []), path],
  )
}

export interface OutputOptions {
  readonly output: Format
}

export function withOutput(command: Command, formats: readonly Format[] = FORMATS): Command {
  const [first = 'table'] = formats
  return command.addOption(
    new Option('-o, --output <format>', 'how to print the result').choices(formats).default(first),
  )
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`; the host of IPv6 in brackets. */
export function address(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port > 65_535) throw new InvalidArgumentError('Write host:port, such as 127.0.0.1:15010.')
  return { host, port }
}

export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether only programs of this machine can reach an address. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `15m`, `24h`, `7d` → milliseconds. */
export function duration(text: string): number {
  const [, digits, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? []
  const factor = UNITS[unit]
  if (digits === undefined || factor === undefined || Number(digits) === 0) {
    throw new InvalidArgumentError('Write a number and a unit, such as 90s, 15m, 24h or 7d.')
  }
  return Number(digits) * factor
}

/** `20-60` → the pods' subnets 127.20.0.0/16 to 127.60.0.0/16. */
export function subnets(text: string): { readonly first: number; readonly last: number } {
  const [, first, last] = /^(\d{1,3})-(\d{1,3})$/.exec(text) ?? []
  const range = { first: Number(first), last: Number(last) }
  if (last === undefined || range.first < 1 || range.last > 254 || range.first > range.last) {
    throw new InvalidArgumentError('Write two numbers from 1 to 254, such as 1-254.')
  }
  return range
}

function trustDomain(text: string): string {
  if (text.length > 255 || !TRUST_DOMAIN.test(text)) {
    throw new InvalidArgumentError('Write lower-case letters, digits, dots and hyphens, such as cluster.local.')
  }
  return text
}
