export { type CompiledMesh, compile } from './compile.ts'
export {
  type Compiled,
  type ConditionType,
  compareFindings,
  type Finding,
  finding,
  orderly,
  REASONS,
  type Reason,
  reasonEntry,
} from './finding.ts'
export { proxyRejected } from './proxy-rejected.ts'
