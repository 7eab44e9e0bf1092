/**
 * The delta protocol: a session and what happened → the session after it and what its client is sent. All protocol behaviour
 * is in here and pure: `absorb` takes in what the client says, `advance` tells it what is new. The gRPC server only carries bytes.
 */
import { absorb } from './absorb.ts'
import { advance } from './advance.ts'
import type { Catalog } from './catalog.ts'
import { NO_NAMES } from './name-set.ts'
import type { Session, SessionEvent, Step } from './session.ts'

/** What becomes of a session, and what its client is to be sent. */
export function step(session: Session, event: SessionEvent, catalog: Catalog): Step {
  switch (event.kind) {
    case 'request': {
      const { session: next, rejected } = absorb(session, event.request, catalog)
      return { ...advance(next, catalog), rejected }
    }
    case 'revision':
      return { ...advance(session, catalog), rejected: undefined }
    case 'overdue':
      return { ...advance({ ...session, warming: NO_NAMES }, catalog), rejected: undefined }
  }
}
