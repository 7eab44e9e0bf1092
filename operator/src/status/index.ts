export { type Condition, conditionsOf, type ObjectStatus, type Remark, statusDocument } from './conditions.ts'
