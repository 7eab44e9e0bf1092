/**
 * What a pod's annotations say of its proxy. Those of Open Service Mesh mean the same as ours. What cannot be read is left out and
 * told: nothing is excepted from the mesh by a typing error.
 */
import { BlockList, isIP } from 'node:net'
import type { Capture } from '@smi-mesh/dataplane/sidecar'
import type { Fields } from '../facts/read.ts'
import { type ProxySettings, SETTING_FORMS } from './inject-context.ts'

const PORT = 'port from 1 to 65535'
const RANGE = 'block of addresses such as 10.0.0.0/8'
/** As long as a proxy stays at the least. */
const NOTICE_S = '5'
const OURS = 'smi-mesh.dev/'
const OSM = 'openservicemesh.io/'

export interface Annotated {
  readonly capture: Capture
  readonly settings: ProxySettings
  /** How long callers have to learn that the pod ends, before its application is told. */
  readonly noticeSeconds: number
  readonly warnings: readonly string[]
}

export function annotated(annotations: Fields, defaults: ProxySettings): Annotated {
  const warnings: string[] = []
  const said = (name: string) => saidBy(annotations, name)
  const listed = <T>(name: string, read: (word: string) => T | undefined, what: string): readonly T[] => {
    const words = (said(name) ?? '').split(',').map(word => word.trim())
    return words
      .filter(word => word !== '')
      .flatMap(word => {
        const value = read(word)
        if (value === undefined) warnings.push(`Annotation ${OURS}${name}: "${word}" is no ${what}; it is left out.`)
        return value ?? []
      })
  }
  /** Naming what is taken in leaves out all else: where a word cannot be read, or there is none, all is taken in. */
  const included = <T>(name: string, read: (word: string) => T | undefined, what: string): 'all' | readonly T[] => {
    if (said(name) === undefined) return 'all'
    const before = warnings.length
    const found = listed(name, read, what)
    if (found.length > 0 && warnings.length === before) return found
    warnings.push(`Annotation ${OURS}${name} does not say what to take in; everything is.`)
    return 'all'
  }
  const ports = (name: string) => listed(name, portOf, PORT)
  const ranges = (name: string) => listed(name, rangeOf, RANGE)
  const one = (name: string, otherwise: string, fits: RegExp) => {
    const value = said(name)
    if (value === undefined || fits.test(value)) return value ?? otherwise
    warnings.push(`Annotation ${OURS}${name}: "${value}" cannot be used; "${otherwise}" is.`)
    return otherwise
  }
  return {
    capture: {
      inbound: {
        ports: included('inbound-port-inclusion-list', portOf, PORT),
        exceptPorts: ports('inbound-port-exclusion-list'),
      },
      outbound: {
        ranges: included('outbound-ip-range-inclusion-list', rangeOf, RANGE),
        exceptRanges: ranges('outbound-ip-range-exclusion-list'),
        exceptPorts: ports('outbound-port-exclusion-list'),
      },
    },
    settings: {
      cpuRequest: one('proxy-cpu-request', defaults.cpuRequest, SETTING_FORMS.quantity),
      memoryRequest: one('proxy-memory-request', defaults.memoryRequest, SETTING_FORMS.quantity),
      cpuLimit: one('proxy-cpu-limit', defaults.cpuLimit, SETTING_FORMS.quantity),
      memoryLimit: one('proxy-memory-limit', defaults.memoryLimit, SETTING_FORMS.quantity),
      logLevel: one('proxy-log-level', defaults.logLevel, SETTING_FORMS.level),
      concurrency: Number(one('proxy-concurrency', String(defaults.concurrency), SETTING_FORMS.threads)),
      drainSeconds: Number(one('proxy-drain-seconds', String(defaults.drainSeconds), SETTING_FORMS.seconds)),
    },
    noticeSeconds: Number(one('notice-seconds', NOTICE_S, SETTING_FORMS.seconds)),
    warnings,
  }
}

function saidBy(annotations: Fields, name: string): string | undefined {
  const value = annotations[`${OURS}${name}`] ?? annotations[`${OSM}${name}`]
  return typeof value === 'string' ? value.trim() : undefined
}

function portOf(word: string): number | undefined {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

/** As it was written, if the kernel's tools would understand it: an address without a zone, or a block of a family's length. */
function rangeOf(word: string): string | undefined {
  const [address = '', bits, ...more] = word.split('/')
  const family = isIP(address)
  if (family === 0 || address.includes('%') || more.length > 0) return undefined
  if (bits === undefined) return word
  try {
    new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
    return /^(0|[1-9]\d*)$/.test(bits) ? word : undefined
  } catch {
    return undefined
  }
}

const YES = new Set(['enabled', 'yes', 'true'])
const NO = new Set(['disabled', 'no', 'false'])

/** Whether a pod asks to be injected, or asks not to be; undefined where it says nothing that means anything. */
export function wish(labels: Fields, annotations: Fields): boolean | undefined {
  for (const [, said] of wishes(labels, annotations)) {
    if (YES.has(said)) return true
    if (NO.has(said)) return false
  }
  return undefined
}

/** What a pod says of its injection that means nothing: whoever wrote it wanted something. */
export function unreadableWishes(labels: Fields, annotations: Fields): readonly string[] {
  return wishes(labels, annotations)
    .filter(([, said]) => !YES.has(said) && !NO.has(said))
    .map(([where, said]) => `${where}: "${said}" means nothing, and is not heeded. Write enabled or disabled.`)
}

function wishes(labels: Fields, annotations: Fields): readonly (readonly [where: string, said: string])[] {
  const places: readonly (readonly [string, unknown])[] = [
    [`Annotation ${OURS}inject`, annotations[`${OURS}inject`]],
    [`Label ${OURS}inject`, labels[`${OURS}inject`]],
    [`Annotation ${OSM}sidecar-injection`, annotations[`${OSM}sidecar-injection`]],
  ]
  return places.flatMap(([where, said]) => (typeof said === 'string' ? [[where, said] as const] : []))
}
