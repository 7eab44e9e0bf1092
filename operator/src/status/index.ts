export {
  type Announcement,
  Announcer,
  type AnnouncerOptions,
  announceStatus,
  type EventSubject,
  newlyWrong,
} from './announce.ts'
export { type Condition, conditionsOf, type ObjectStatus, type Remark, statusDocument } from './conditions.ts'
export { type Speaker, StatusFollower } from './follow.ts'
export { type Refused, SharedRefusals, type SharedRefusalsOptions } from './refusals.ts'
export { statusOf } from './status-of.ts'
export {
  DEFAULT_RATE,
  type StatusEvent,
  type StatusRate,
  type StatusUpdate,
  StatusWriter,
  type StatusWriterOptions,
  type Wanted,
} from './writer.ts'
