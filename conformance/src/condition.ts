/** A condition of an object's status, as Kubernetes shows it. */
export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
}
