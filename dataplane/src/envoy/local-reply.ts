/**
 * Answers a proxy gives itself. Every one says in the header `x-smi-reason` why, in words a user can search for; `x-smi-unsent`
 * tells the caller's proxy that the application has seen nothing of the request, so that it may try another pod.
 */
import { type AccessLogFilter, ComparisonFilter_Op } from '../proto/gen/envoy/config/accesslog/v3/accesslog.ts'
import { type HeaderValueOption, HeaderValueOption_HeaderAppendAction } from '../proto/gen/envoy/config/core/v3/base.ts'
import type {
  LocalReplyConfig,
  ResponseMapper,
} from '../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts'

export const REASON_HEADER = 'x-smi-reason'
export const UNSENT_HEADER = 'x-smi-unsent'

export const REASON = {
  notAllowed: 'no TrafficTarget allows this request',
  unidentified: 'caller has no mesh identity',
  undeclaredPort: 'the pod declares no such port',
  outOfReach: 'no TrafficTarget lets this caller use the service',
  noEndpoint: 'no endpoint of the service is ready',
  unreachable: 'no connection to an endpoint of the service',
  notYetKnown: 'the proxy does not know the service yet',
  applicationUnreachable: 'the application does not answer on its port',
  applicationEnded: 'the application ended the connection without an answer',
  applicationGarbled: 'what the application answered is no HTTP',
  serverEnded: 'the server ended the connection without an answer',
  serverGarbled: 'the server cannot read the request, or its answer is no HTTP',
  noUpgrade: 'the mesh carries no upgrade but to websocket',
  notCarried: 'the mesh carries no such request (%RESPONSE_CODE_DETAILS%)',
  ended: 'the proxy ended the request (%RESPONSE_CODE_DETAILS%)',
} as const

export function reasonHeader(value: string): HeaderValueOption {
  return header(REASON_HEADER, value)
}

/** Towards an application: who may not, and what cannot be reached. */
export function inboundReplies(caller: 'identified' | 'unidentified'): LocalReplyConfig {
  const denied = caller === 'identified' ? REASON.notAllowed : REASON.unidentified
  return {
    mappers: [
      mapper(withStatus(403), [reasonHeader(denied)]),
      mapper(withFlags('UF'), [reasonHeader(REASON.applicationUnreachable), header(UNSENT_HEADER, 'true')]),
      mapper(withFlags('UC', 'UR'), [reasonHeader(REASON.applicationEnded)]),
      mapper(withFlags('UPE'), [reasonHeader(REASON.applicationGarbled)]),
      ...OTHERS,
    ],
  }
}

export function outboundReplies(): LocalReplyConfig {
  return {
    mappers: [
      mapper(withFlags('UH'), [reasonHeader(REASON.noEndpoint)]),
      mapper(withFlags('UF'), [reasonHeader(REASON.unreachable)]),
      mapper(withFlags('NC'), [reasonHeader(REASON.notYetKnown)]),
      mapper(withFlags('UC', 'UR'), [reasonHeader(REASON.serverEnded)]),
      mapper(withFlags('UPE'), [reasonHeader(REASON.serverGarbled)]),
      // Routes that refuse with this status bring a reason.
      mapper(withStatus(403), [reasonHeader(REASON.noUpgrade)]),
      ...OTHERS,
    ],
  }
}

function mapper(when: AccessLogFilter, headersToAdd: readonly HeaderValueOption[]): ResponseMapper {
  return { filter: when, headersToAdd }
}

function withStatus(status: number, op: ComparisonFilter_Op = ComparisonFilter_Op.EQ): AccessLogFilter {
  // Envoy insists on a runtime key; nothing ever sets this one.
  const value = { defaultValue: status, runtimeKey: 'smi_mesh.local_reply_status' }
  return { filterSpecifier: { $case: 'statusCodeFilter', statusCodeFilter: { comparison: { op, value } } } }
}

function withFlags(...flags: readonly string[]): AccessLogFilter {
  return { filterSpecifier: { $case: 'responseFlagFilter', responseFlagFilter: { flags } } }
}

/** A route that gave its own reason keeps it. */
function header(key: string, value: string): HeaderValueOption {
  return { header: { key, value }, appendAction: HeaderValueOption_HeaderAppendAction.ADD_IF_ABSENT }
}

/** Whatever else Envoy answers itself is said in its own words: there are more of them than anyone would list. */
const OTHERS: readonly ResponseMapper[] = [
  mapper(withStatus(500, ComparisonFilter_Op.GE), [reasonHeader(REASON.ended)]),
  mapper(withStatus(400, ComparisonFilter_Op.GE), [reasonHeader(REASON.notCarried)]),
]
