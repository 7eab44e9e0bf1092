/** How a running control plane tells what happens: as lines for a person, or as a log for whoever is on call. Both count. */
import type { CredentialEvent, IdentityEvent } from '../identity/index.ts'
import type { SourceProblem } from '../sources/source.ts'
import {
  createLog,
  type Log,
  type Metrics,
  type PipelineEvents,
  reportIdentity,
  reportPipeline,
} from '../telemetry/index.ts'
import { problemText } from './objects.ts'

export interface Reports {
  readonly pipeline: Partial<PipelineEvents>
  readonly identity: (event: IdentityEvent | CredentialEvent) => void
  /** A bug of ours that ends nothing. */
  readonly mistake: (where: string, error: unknown) => void
}

/** Every event, one a line. */
export function logReports(write: (line: string) => void, now: () => number, metrics: Metrics): Reports {
  const log = createLog({ write, now, level: 'info' })
  return { pipeline: reportPipeline(log, metrics), identity: reportIdentity(log, metrics), mistake: mistakesTo(log) }
}

/** Sentences about what someone must look at, and that it is over. Of the log only what no sentence is made for: bugs. */
export function personReports(say: (line: string) => void, now: () => number, metrics: Metrics): Reports {
  const log = createLog({ write: line => say(line.trimEnd()), now, level: 'error' })
  const silent = createLog({ write: () => {}, now, level: 'error' })
  const [counted, countIdentity] = [reportPipeline(log, metrics), reportIdentity(silent, metrics)]
  return {
    pipeline: {
      ...counted,
      sourceProblems: problems => {
        counted.sourceProblems(problems)
        sayProblems(say, problems)
      },
      refused: (reason, address) => {
        counted.refused(reason, address)
        say(`A proxy at ${address} was refused: ${reason}`)
      },
      rejected: (rejection, proxy) => {
        counted.rejected(rejection, proxy)
        say(`Proxy ${proxy.node.id} refused ${rejection.names.join(', ')}: ${rejection.message}`)
      },
    },
    identity: event => {
      countIdentity(event)
      const line = identityLine(event)
      if (line !== undefined) say(line)
    },
    mistake: mistakesTo(log),
  }
}

function mistakesTo(log: Log): Reports['mistake'] {
  return (where, error) => log.error('mistake in an answer', { where, error })
}

function sayProblems(say: (line: string) => void, problems: readonly SourceProblem[]): void {
  for (const problem of problems) say(`! ${problemText(problem)}`)
  if (problems.length === 0) say('All files can be read again.')
}

/** Issuing is silent while it works. */
function identityLine(event: IdentityEvent | CredentialEvent): string | undefined {
  switch (event.kind) {
    case 'issueFailed':
    case 'storeFailed':
    case 'credentialsFailed':
      return event.first ? `! ${event.error.message}` : undefined
    case 'issueRecovered':
      return `${event.identity} has a certificate again.`
    case 'storeRecovered':
      return `What is kept of the ${event.what} can be used again.`
    case 'credentialsRecovered':
      return `The credentials in ${event.folder} can be written again.`
    case 'leafDiscarded':
      return `The stored certificate of ${event.what} is not used: ${event.reason}.`
    case 'clockStepped':
      return `The clock of this machine was set by ${Math.round(event.byMs / 1000)} s; certificates are looked at anew.`
    case 'issued':
    case 'rootsChanged':
      return undefined
  }
}
