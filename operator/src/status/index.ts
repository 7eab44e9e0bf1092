export { type Condition, conditionsOf, type ObjectStatus, type Remark, statusDocument } from './conditions.ts'
export { statusOf } from './status-of.ts'
