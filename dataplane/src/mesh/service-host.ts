/** The names clients use for a Service, spelled and read in this one place. Knows DNS names, not what answers to them. */
import { type NamespacedName, parseServiceKey, type ServiceKey } from './keys.ts'

/** Every name of a Service, shortest first: `web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`. */
export function hostsOf(service: ServiceKey, clusterDomain: string): readonly string[] {
  const { namespace, name } = parseServiceKey(service)
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.${clusterDomain}`]
}

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/**
 * The Service a name means to whoever says it in `namespace`; undefined where it is no name of a Service. Names are
 * compared as DNS does, without regard to case; only the fully qualified form may end in a dot.
 */
export function serviceOfHost(host: string, namespace: string, clusterDomain: string): NamespacedName | undefined {
  const labels = host.toLowerCase().split('.')
  const [name = '', of = namespace, svc = 'svc', ...domain] = labels
  const whole = domain.length === 0 || domain.join('.').replace(/\.$/, '') === clusterDomain
  return whole && svc === 'svc' && LABEL.test(name) && LABEL.test(of) ? { namespace: of, name } : undefined
}
