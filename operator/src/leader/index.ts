/** Who of several replicas writes. */
export { DEFAULT_LEASE, Lease, type LeaseEvent, type LeaseOptions, type LeaseTiming } from './lease.ts'
