/** What the operator is told of the proxies that it gives pods, for pods whose annotations of the same names say nothing. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { DEFAULT_PROXY_SETTINGS, type ProxySettings, SETTING_FORMS } from './webhooks/index.ts'

export interface ProxyOptions {
  readonly proxyCpuRequest: string
  readonly proxyMemoryRequest: string
  readonly proxyCpuLimit: string
  readonly proxyMemoryLimit: string
  readonly proxyLogLevel: string
  readonly proxyConcurrency: string
  readonly proxyDrainSeconds: string
}

export function withProxyOptions(command: Command): void {
  const { cpuRequest, memoryRequest, cpuLimit, memoryLimit, logLevel, concurrency, drainSeconds } =
    DEFAULT_PROXY_SETTINGS
  const { quantity, level, threads, seconds } = SETTING_FORMS
  const option = (flag: string, text: string, otherwise: string | number, form: RegExp) =>
    command.addOption(new Option(flag, text).argParser(written(form)).default(String(otherwise)))
  option('--proxy-cpu-request <quantity>', 'processor time that a proxy asks for', cpuRequest, quantity)
  option('--proxy-memory-request <quantity>', 'memory that a proxy asks for', memoryRequest, quantity)
  option('--proxy-cpu-limit <quantity>', 'processor time that it gets at most; empty: no limit', cpuLimit, quantity)
  option('--proxy-memory-limit <quantity>', 'memory that it gets at most; empty: no limit', memoryLimit, quantity)
  option('--proxy-log-level <level>', 'of Envoy', logLevel, level)
  option('--proxy-concurrency <threads>', 'threads that carry traffic', concurrency, threads)
  option('--proxy-drain-seconds <seconds>', 'how long connections may go on when a pod ends', drainSeconds, seconds)
}

/** Empty says that nothing is asked for, and no limit set, where that means something. */
function written(form: RegExp): (value: string) => string {
  return value => {
    if (form.test(value) || (value === '' && form === SETTING_FORMS.quantity)) return value
    throw new InvalidArgumentError(`It must fit ${form.source}.`)
  }
}

export function proxySettings(options: ProxyOptions): ProxySettings {
  return {
    cpuRequest: options.proxyCpuRequest,
    memoryRequest: options.proxyMemoryRequest,
    cpuLimit: options.proxyCpuLimit,
    memoryLimit: options.proxyMemoryLimit,
    logLevel: options.proxyLogLevel,
    concurrency: Number(options.proxyConcurrency),
    drainSeconds: Number(options.proxyDrainSeconds),
  }
}
