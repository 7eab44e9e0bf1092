/** The facts: Kubernetes objects reduced to what the mesh is made of. Plain values; nothing here decides anything. */
import type {
  AccessMode,
  Ip,
  ObjectRef,
  Owner,
  PodKey,
  Port,
  ServiceAddress,
  ServiceKey,
} from '@smi-mesh/dataplane/mesh'

/** What a namespace says of itself; undefined where it says nothing. */
export interface NamespaceFacts {
  /** Whether its pods are given proxies, by label. Where pods are run without a cluster, nobody asks. */
  readonly joined: boolean
  readonly access: AccessMode | undefined
  readonly unidentified: 'deny' | 'allow' | undefined
  /** Whether it takes pods that should have a proxy and cannot have one. */
  readonly uninjected: 'deny' | 'allow'
}

/** That a ServiceAccount exists. */
export interface ServiceAccountFacts {
  readonly namespace: string
  readonly name: string
}

export interface ServiceFacts {
  readonly key: ServiceKey
  readonly ref: ObjectRef
  /** As written by the API server; empty where none wrote it. Sorts as text. */
  readonly createdAt: string
  readonly address: ServiceAddress
  /** Empty: nothing is selected, endpoints come from slices alone. */
  readonly selector: Readonly<Record<string, string>>
  readonly publishNotReady: boolean
  /** TCP ports alone, sorted by number. */
  readonly ports: readonly ServicePortFacts[]
}

export interface ServicePortFacts {
  readonly port: Port
  readonly name: string
  readonly appProtocol: string
  /** A number, or the name of a container port. */
  readonly targetPort: Port | string
}

export interface PodFacts {
  readonly key: PodKey
  /** Empty where no API server has given it one. */
  readonly uid: string
  readonly ref: ObjectRef
  /** Undefined while it has none. */
  readonly ip: Ip | undefined
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  /** TCP ports its containers declare, sorted by number. */
  readonly ports: readonly ContainerPort[]
  readonly owner: Owner
  readonly ready: boolean
  /** Not ready for the one reason that its node is not heard of: as far as anybody knows, its containers are ready. */
  readonly unheard: boolean
  /** Succeeded or Failed: nothing runs, and the address may be another pod's by now. */
  readonly finished: boolean
  readonly terminating: boolean
  readonly meshed: boolean
  readonly zone: string
}

export interface ContainerPort {
  readonly port: Port
  readonly name: string
}

export interface EndpointSliceFacts {
  readonly service: ServiceKey
  readonly family: 'IPv4' | 'IPv6'
  readonly ports: readonly SlicePort[]
  readonly endpoints: readonly SliceEndpoint[]
}

export interface SlicePort {
  readonly name: string
  readonly port: Port
}

export interface SliceEndpoint {
  readonly ip: Ip
  readonly pod: PodKey | undefined
  readonly ready: boolean
  readonly serving: boolean
  readonly terminating: boolean
  readonly zone: string
  readonly hostname: string
}

export interface TrafficSplitFacts {
  readonly ref: ObjectRef
  readonly createdAt: string
  readonly apex: ServiceName
  readonly backends: readonly { readonly service: ServiceName; readonly weight: number }[]
  readonly matches: readonly { readonly kind: string; readonly name: string }[]
}

/** How a Service was named, and which one that means; undefined where it can mean none. */
export interface ServiceName {
  readonly written: string
  readonly key: ServiceKey | undefined
}

export interface TrafficTargetFacts {
  readonly ref: ObjectRef
  readonly destination: SubjectFacts
  readonly sources: readonly SubjectFacts[]
  readonly rules: readonly RuleFacts[]
}

export interface SubjectFacts {
  readonly kind: string
  readonly name: string
  /** The object's own where it names none. */
  readonly namespace: string
  /** `destination.port` of v1alpha1 and v1alpha2. */
  readonly port: Port | undefined
}

export interface RuleFacts {
  readonly kind: string
  readonly name: string
  /** Undefined: all matches of the group. */
  readonly matches: readonly string[] | undefined
}

export interface HttpRouteGroupFacts {
  readonly ref: ObjectRef
  readonly matches: readonly HttpRouteFacts[]
}

export interface HttpRouteFacts {
  readonly name: string
  readonly pathRegex: string | undefined
  /** Empty: all. */
  readonly methods: readonly string[]
  readonly headers: Readonly<Record<string, string>>
}

/** A TCPRoute or a UDPRoute. */
export interface PortRouteFacts {
  readonly ref: ObjectRef
  /** Empty: all. */
  readonly ports: readonly Port[]
}

export interface IdentityBindingFacts {
  readonly ref: ObjectRef
  /** Undefined where there is no such scheme. */
  readonly podLabels: Readonly<Record<string, string>> | undefined
  readonly spiffeIdentities: readonly string[]
  readonly serviceAccount: string | undefined
}

/** What status needs to know of an object beside its facts; apart, so that a new generation recomputes nothing. */
export interface Subject {
  readonly ref: ObjectRef
  readonly apiVersion: string
  readonly generation: number
  /** Whether it is of an SMI kind, and so bears conditions. */
  readonly smi: boolean
  /** Whether it could not be read: what is in force, if anything, is an earlier version. */
  readonly rejected: boolean
}
