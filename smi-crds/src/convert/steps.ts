/** What each kind contributes to conversion. `convert.ts` puts the steps together; they know nothing of each other. */

import type { Fields } from '../json.ts'
import type { Version } from '../kinds.ts'

/**
 * Steps between the versions of one kind. All of them are pure and total: what they do not understand they leave where
 * it is. They look after meaning; exact spelling is kept for all kinds alike, in `convert.ts`.
 */
export interface Steps {
  /** Puts every field where the hub has it. */
  readonly raise: (object: Fields, from: Version) => Fields
  /** Takes into fields what annotations hold; a field that is there wins over its annotation. */
  readonly absorb: (hub: Fields) => Fields
  /** Puts every field where an older version has it, and into annotations what it cannot hold. */
  readonly lower: (hub: Fields, to: Version) => Fields
  /** The annotation in which meaning is kept, and whether a text can be understood as its value. */
  readonly held: Held | undefined
}

export interface Held {
  readonly name: string
  readonly readable: (text: string) => boolean
}

/** Steps of a kind with a single version. */
export const unchanged: Steps = { raise: object => object, absorb: hub => hub, lower: hub => hub, held: undefined }
