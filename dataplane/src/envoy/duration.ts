/** Durations as protobuf spells them. */
import type { Duration } from '../proto/gen/google/protobuf/duration.ts'

/** No limit, where Envoy reads zero that way. */
export const NEVER: Duration = {}

export function seconds(count: number): Duration {
  return { seconds: BigInt(count) }
}
