// Generated from crds/ by scripts/generate.ts. Change those instead.

/** The metadata of an object, as far as it has meaning here. */
export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** What the mesh makes of this object. Written by the mesh alone. */
export interface ObjectStatus {
  /**
   * One entry for each question about the object: Accepted (it can be understood), ResolvedRefs (all it names
   * exists), Programmed (proxies act on it).
   */
  readonly conditions?: readonly {
    /** The question. */
    readonly type: string
    /** The answer. */
    readonly status: 'True' | 'False' | 'Unknown'
    /** metadata.generation of the object which the answer is about. */
    readonly observedGeneration?: number
    /** When the answer last changed. */
    readonly lastTransitionTime: string
    /** The answer in one word, for programs. */
    readonly reason: string
    /** The answer in a sentence, for people; it says what to do. */
    readonly message: string
  }[]
}

/**
 * HTTPRouteGroup names kinds of HTTP requests, by path, method and headers, for a TrafficTarget or a TrafficSplit
 * to refer to.
 */
export interface HTTPRouteGroupV1alpha1 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha1'
  readonly kind: 'HTTPRouteGroup'
  readonly metadata: ObjectMeta
  /** The routes. A request fits the group if it fits one of them. */
  readonly matches?: readonly {
    /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
    readonly name: string
    /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
    readonly pathRegex?: string
    /** Methods, in upper case; "*", an empty list or none: all methods. */
    readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
  }[]
  readonly status?: ObjectStatus
}

/**
 * HTTPRouteGroup names kinds of HTTP requests, by path, method and headers, for a TrafficTarget or a TrafficSplit
 * to refer to.
 */
export interface HTTPRouteGroupV1alpha2 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha2'
  readonly kind: 'HTTPRouteGroup'
  readonly metadata: ObjectMeta
  /** The routes. A request fits the group if it fits one of them. */
  readonly matches?: readonly {
    /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
    readonly name: string
    /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
    readonly pathRegex?: string
    /** Methods, in upper case; "*", an empty list or none: all methods. */
    readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
    /**
     * Patterns (RE2) that the whole values of request headers must fit, by header name; all of them must. Written
     * as a map, or as a list of maps.
     */
    readonly headers?: unknown
  }[]
  readonly status?: ObjectStatus
}

/**
 * HTTPRouteGroup names kinds of HTTP requests, by path, method and headers, for a TrafficTarget or a TrafficSplit
 * to refer to.
 */
export interface HTTPRouteGroupV1alpha3 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha3'
  readonly kind: 'HTTPRouteGroup'
  readonly metadata: ObjectMeta
  /** The routes of the group. */
  readonly spec?: {
    /** The routes. A request fits the group if it fits one of them. */
    readonly matches?: readonly {
      /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
      readonly name: string
      /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
      readonly pathRegex?: string
      /** Methods, in upper case; "*", an empty list or none: all methods. */
      readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
      /**
       * Patterns (RE2) that the whole values of request headers must fit, by header name; all of them must. Written
       * as a map, or as a list of maps.
       */
      readonly headers?: unknown
    }[]
    readonly [field: string]: unknown
  }
  /**
   * Not part of this version, but read if spec.matches is absent, since early examples have it here. Write
   * spec.matches instead.
   */
  readonly matches?: readonly {
    /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
    readonly name: string
    /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
    readonly pathRegex?: string
    /** Methods, in upper case; "*", an empty list or none: all methods. */
    readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
    /**
     * Patterns (RE2) that the whole values of request headers must fit, by header name; all of them must. Written
     * as a map, or as a list of maps.
     */
    readonly headers?: unknown
  }[]
  readonly [field: string]: unknown
  readonly status?: ObjectStatus
}

/**
 * HTTPRouteGroup names kinds of HTTP requests, by path, method and headers, for a TrafficTarget or a TrafficSplit
 * to refer to.
 */
export interface HTTPRouteGroupV1alpha4 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha4'
  readonly kind: 'HTTPRouteGroup'
  readonly metadata: ObjectMeta
  /** The routes of the group. */
  readonly spec?: {
    /** The routes. A request fits the group if it fits one of them. */
    readonly matches?: readonly {
      /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
      readonly name: string
      /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
      readonly pathRegex?: string
      /** Methods, in upper case; "*", an empty list or none: all methods. */
      readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
      /**
       * Patterns (RE2) that the whole values of request headers must fit, by header name; all of them must. Written
       * as a map, or as a list of maps.
       */
      readonly headers?: unknown
    }[]
    readonly [field: string]: unknown
  }
  /**
   * Not part of this version, but read if spec.matches is absent, since early examples have it here. Write
   * spec.matches instead.
   */
  readonly matches?: readonly {
    /** Name of the route, by which a TrafficTarget refers to it; unique in the group. */
    readonly name: string
    /** Pattern (RE2) which the path must begin with, without the query. Absent: any path. */
    readonly pathRegex?: string
    /** Methods, in upper case; "*", an empty list or none: all methods. */
    readonly methods?: readonly ('*' | 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE' | 'CONNECT' | 'OPTIONS' | 'TRACE' | 'PATCH')[]
    /**
     * Patterns (RE2) that the whole values of request headers must fit, by header name; all of them must. Written
     * as a map, or as a list of maps.
     */
    readonly headers?: unknown
  }[]
  readonly [field: string]: unknown
  readonly status?: ObjectStatus
}

/**
 * IdentityBinding names the workloads of its namespace that a TrafficTarget speaks of, by other means than one
 * ServiceAccount.
 */
export interface IdentityBindingV1alpha4 {
  readonly apiVersion: 'access.smi-spec.io/v1alpha4'
  readonly kind: 'IdentityBinding'
  readonly metadata: ObjectMeta
  /** Which workloads. */
  readonly spec: {
    /**
     * Ways to say which; a workload needs to fit one of them. podLabelSelector and serviceAccount exclude each
     * other.
     */
    readonly schemes: {
      /** Pods of this namespace with these labels. */
      readonly podLabelSelector?: {
        /** All of these labels must be there with these values. */
        readonly matchLabels: Readonly<Record<string, string>>
      } | null
      /** SPIFFE identities, without spiffe://, e.g. cluster.local/ns/shop/sa/web. */
      readonly spiffeIdentities?: readonly string[] | null
      /** Name of a ServiceAccount of this namespace. */
      readonly serviceAccount?: string | null
    }
  }
  readonly status?: ObjectStatus
}

/** TCPRoute names TCP traffic, by port, for a TrafficTarget to refer to. */
export interface TCPRouteV1alpha1 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha1'
  readonly kind: 'TCPRoute'
  readonly metadata: ObjectMeta
  readonly status?: ObjectStatus
}

/** TCPRoute names TCP traffic, by port, for a TrafficTarget to refer to. */
export interface TCPRouteV1alpha2 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha2'
  readonly kind: 'TCPRoute'
  readonly metadata: ObjectMeta
  readonly status?: ObjectStatus
}

/** TCPRoute names TCP traffic, by port, for a TrafficTarget to refer to. */
export interface TCPRouteV1alpha3 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha3'
  readonly kind: 'TCPRoute'
  readonly metadata: ObjectMeta
  /** Empty: a TCPRoute of this version means all ports. */
  readonly spec?: Readonly<Record<string, never>>
  readonly status?: ObjectStatus
}

/** TCPRoute names TCP traffic, by port, for a TrafficTarget to refer to. */
export interface TCPRouteV1alpha4 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha4'
  readonly kind: 'TCPRoute'
  readonly metadata: ObjectMeta
  /** The ports of the route. */
  readonly spec?: {
    /** Which ports. */
    readonly matches?: {
      /** Has no meaning. */
      readonly name?: string
      /** TCP ports, of the Service or of the pod; an empty list or none: all ports. */
      readonly ports?: readonly number[]
    }
  }
  readonly status?: ObjectStatus
}

/** TrafficSplit sends the traffic which clients in the mesh direct at one service to several, by weight. */
export interface TrafficSplitV1alpha1 {
  readonly apiVersion: 'split.smi-spec.io/v1alpha1'
  readonly kind: 'TrafficSplit'
  readonly metadata: ObjectMeta
  /** What is split, and how. */
  readonly spec: {
    /** The service that clients call, and that is split: the name of a Service in this namespace, or a host name. */
    readonly service: string
    /**
     * The services that share the traffic. A backend without a port of the service called receives no traffic on
     * that port.
     */
    readonly backends: readonly {
      /** Name of a Service in the namespace of this split. It may be missing while its weight is 0. */
      readonly service: string
      /** Share of the traffic, relative to the sum of all weights, as a quantity: 1, "500m". 0 receives nothing. */
      readonly weight: number | string
      /**
       * Not part of the standard here, and ignored. Objects of an early, mistaken schema carry it; write matches
       * beside backends (v1alpha3 and later).
       */
      readonly matches?: readonly unknown[]
    }[]
  }
  readonly status?: ObjectStatus
}

/** TrafficSplit sends the traffic which clients in the mesh direct at one service to several, by weight. */
export interface TrafficSplitV1alpha2 {
  readonly apiVersion: 'split.smi-spec.io/v1alpha2'
  readonly kind: 'TrafficSplit'
  readonly metadata: ObjectMeta
  /** What is split, and how. */
  readonly spec: {
    /** The service that clients call, and that is split: the name of a Service in this namespace, or a host name. */
    readonly service: string
    /**
     * The services that share the traffic. A backend without a port of the service called receives no traffic on
     * that port.
     */
    readonly backends: readonly {
      /** Name of a Service in the namespace of this split. It may be missing while its weight is 0. */
      readonly service: string
      /**
       * Share of the traffic, relative to the sum of all weights, as a whole number: 90 and 10, or 9 and 1. 0
       * receives nothing. Quantities ("500m") are understood, but other tools may not read them.
       */
      readonly weight: number | string
      /**
       * Not part of the standard here, and ignored. Objects of an early, mistaken schema carry it; write matches
       * beside backends (v1alpha3 and later).
       */
      readonly matches?: readonly unknown[]
    }[]
  }
  readonly status?: ObjectStatus
}

/** TrafficSplit sends the traffic which clients in the mesh direct at one service to several, by weight. */
export interface TrafficSplitV1alpha3 {
  readonly apiVersion: 'split.smi-spec.io/v1alpha3'
  readonly kind: 'TrafficSplit'
  readonly metadata: ObjectMeta
  /** What is split, and how. */
  readonly spec: {
    /** The service that clients call, and that is split: the name of a Service in this namespace, or a host name. */
    readonly service: string
    /**
     * The services that share the traffic. A backend without a port of the service called receives no traffic on
     * that port.
     */
    readonly backends: readonly {
      /** Name of a Service in the namespace of this split. It may be missing while its weight is 0. */
      readonly service: string
      /**
       * Share of the traffic, relative to the sum of all weights, as a whole number: 90 and 10, or 9 and 1. 0
       * receives nothing. Quantities ("500m") are understood, but other tools may not read them.
       */
      readonly weight: number | string
      /**
       * Not part of the standard here, and ignored. Objects of an early, mistaken schema carry it; write matches
       * beside backends (v1alpha3 and later).
       */
      readonly matches?: readonly unknown[]
    }[]
    /**
     * Limits the split to requests which fit any route of any group named here. All other requests go to the
     * service itself. Absent: every request is split.
     */
    readonly matches?: readonly {
      /** specs.smi-spec.io, if given. */
      readonly apiGroup?: string
      /** The kind of the group. */
      readonly kind: 'HTTPRouteGroup'
      /** The name of the group. */
      readonly name: string
    }[]
  }
  readonly status?: ObjectStatus
}

/** TrafficSplit sends the traffic which clients in the mesh direct at one service to several, by weight. */
export interface TrafficSplitV1alpha4 {
  readonly apiVersion: 'split.smi-spec.io/v1alpha4'
  readonly kind: 'TrafficSplit'
  readonly metadata: ObjectMeta
  /** What is split, and how. */
  readonly spec: {
    /** The service that clients call, and that is split: the name of a Service in this namespace, or a host name. */
    readonly service: string
    /**
     * The services that share the traffic. A backend without a port of the service called receives no traffic on
     * that port.
     */
    readonly backends: readonly {
      /** Name of a Service in the namespace of this split. It may be missing while its weight is 0. */
      readonly service: string
      /**
       * Share of the traffic, relative to the sum of all weights, as a whole number: 90 and 10, or 9 and 1. 0
       * receives nothing. Quantities ("500m") are understood, but other tools may not read them.
       */
      readonly weight: number | string
      /**
       * Not part of the standard here, and ignored. Objects of an early, mistaken schema carry it; write matches
       * beside backends (v1alpha3 and later).
       */
      readonly matches?: readonly unknown[]
    }[]
    /**
     * Limits the split to requests which fit any route of any group named here. All other requests go to the
     * service itself. Absent: every request is split.
     */
    readonly matches?: readonly {
      /** specs.smi-spec.io, if given. */
      readonly apiGroup?: string
      /** The kind of the group. */
      readonly kind: 'HTTPRouteGroup'
      /** The name of the group. */
      readonly name: string
    }[]
  }
  readonly status?: ObjectStatus
}

/**
 * TrafficTarget allows some clients some traffic to some pods. All traffic that no TrafficTarget allows is denied
 * where access control is enforced.
 */
export interface TrafficTargetV1alpha1 {
  readonly apiVersion: 'access.smi-spec.io/v1alpha1'
  readonly kind: 'TrafficTarget'
  readonly metadata: ObjectMeta
  /** Whom the traffic is for: all pods that run under this identity. */
  readonly destination: {
    /**
     * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
     * changed here.)
     */
    readonly kind: 'ServiceAccount' | 'IdentityBinding'
    /** Name of the ServiceAccount or IdentityBinding. */
    readonly name: string
    /** Its namespace, which must be that of this object; absent: that of this object. */
    readonly namespace?: string
    /** The one port that is opened; absent: every port that the rules open. */
    readonly port?: number
  }
  /** What is allowed. Nothing, if it is empty or absent. */
  readonly specs?: readonly {
    /** HTTPRouteGroup, TCPRoute or UDPRoute (UDPRoute belongs to v1alpha3 and later). */
    readonly kind: 'HTTPRouteGroup' | 'TCPRoute' | 'UDPRoute'
    /** The name of that object. */
    readonly name: string
    /** Names of the routes of an HTTPRouteGroup that are allowed; absent: all of them. */
    readonly matches?: readonly string[]
  }[]
  /** Who is allowed. Nobody, if it is empty or absent. */
  readonly sources?: readonly {
    /**
     * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
     * changed here.)
     */
    readonly kind: 'ServiceAccount' | 'IdentityBinding'
    /** Name of the ServiceAccount or IdentityBinding. */
    readonly name: string
    /** Its namespace; absent: that of this object. */
    readonly namespace?: string
    /** Has no meaning for a source. */
    readonly port?: number
  }[]
  readonly status?: ObjectStatus
}

/**
 * TrafficTarget allows some clients some traffic to some pods. All traffic that no TrafficTarget allows is denied
 * where access control is enforced.
 */
export interface TrafficTargetV1alpha2 {
  readonly apiVersion: 'access.smi-spec.io/v1alpha2'
  readonly kind: 'TrafficTarget'
  readonly metadata: ObjectMeta
  /** Who may send what to whom. */
  readonly spec: {
    /** Whom the traffic is for: all pods that run under this identity. */
    readonly destination: {
      /**
       * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
       * changed here.)
       */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace, which must be that of this object; absent: that of this object. */
      readonly namespace?: string
      /** The one port that is opened; absent: every port that the rules open. */
      readonly port?: number
    }
    /** What is allowed. Nothing, if it is empty or absent. */
    readonly rules?: readonly {
      /** HTTPRouteGroup, TCPRoute or UDPRoute (UDPRoute belongs to v1alpha3 and later). */
      readonly kind: 'HTTPRouteGroup' | 'TCPRoute' | 'UDPRoute'
      /** The name of that object. */
      readonly name: string
      /** Names of the routes of an HTTPRouteGroup that are allowed; absent: all of them. */
      readonly matches?: readonly string[]
    }[]
    /** Who is allowed. Nobody, if it is empty or absent. */
    readonly sources?: readonly {
      /**
       * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
       * changed here.)
       */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace; absent: that of this object. */
      readonly namespace?: string
      /** Has no meaning for a source. */
      readonly port?: number
    }[]
  }
  readonly status?: ObjectStatus
}

/**
 * TrafficTarget allows some clients some traffic to some pods. All traffic that no TrafficTarget allows is denied
 * where access control is enforced.
 */
export interface TrafficTargetV1alpha3 {
  readonly apiVersion: 'access.smi-spec.io/v1alpha3'
  readonly kind: 'TrafficTarget'
  readonly metadata: ObjectMeta
  /** Who may send what to whom. */
  readonly spec: {
    /** Whom the traffic is for: all pods that run under this identity. */
    readonly destination: {
      /**
       * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
       * changed here.)
       */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace, which must be that of this object; absent: that of this object. */
      readonly namespace?: string
      /**
       * Not part of this version, but obeyed: the one port that is opened. Write a TCPRoute among the rules
       * instead.
       */
      readonly port?: number | string
      readonly [field: string]: unknown
    }
    /** What is allowed. Nothing, if it is empty. */
    readonly rules: readonly {
      /** HTTPRouteGroup, TCPRoute or UDPRoute. */
      readonly kind: 'HTTPRouteGroup' | 'TCPRoute' | 'UDPRoute'
      /** The name of that object. */
      readonly name: string
      /** Names of the routes of an HTTPRouteGroup that are allowed; absent: all of them. */
      readonly matches?: readonly string[]
    }[]
    /** Who is allowed. Nobody, if it is empty. */
    readonly sources: readonly {
      /**
       * ServiceAccount. (IdentityBinding belongs to v1alpha4; it is kept here so that objects written there can be
       * changed here.)
       */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace; absent: that of this object. */
      readonly namespace?: string
      /**
       * Not part of this version, and has no meaning for a source; kept for objects written in v1alpha1 or
       * v1alpha2.
       */
      readonly port?: number | string
      readonly [field: string]: unknown
    }[]
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
  readonly status?: ObjectStatus
}

/**
 * TrafficTarget allows some clients some traffic to some pods. All traffic that no TrafficTarget allows is denied
 * where access control is enforced.
 */
export interface TrafficTargetV1alpha4 {
  readonly apiVersion: 'access.smi-spec.io/v1alpha4'
  readonly kind: 'TrafficTarget'
  readonly metadata: ObjectMeta
  /** Who may send what to whom. */
  readonly spec: {
    /** Whom the traffic is for: all pods that run under this identity. */
    readonly destination: {
      /** ServiceAccount, or IdentityBinding for other ways to say who. */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** access.smi-spec.io for an IdentityBinding; nothing for a ServiceAccount. */
      readonly group?: string
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace, which must be that of this object; absent: that of this object. */
      readonly namespace?: string
      /**
       * Not part of this version, but obeyed: the one port that is opened. Write a TCPRoute among the rules
       * instead.
       */
      readonly port?: number | string
      readonly [field: string]: unknown
    }
    /** What is allowed. Nothing, if it is empty. */
    readonly rules: readonly {
      /** HTTPRouteGroup, TCPRoute or UDPRoute. */
      readonly kind: 'HTTPRouteGroup' | 'TCPRoute' | 'UDPRoute'
      /** The name of that object. */
      readonly name: string
      /** Names of the routes of an HTTPRouteGroup that are allowed; absent: all of them. */
      readonly matches?: readonly string[]
    }[]
    /** Who is allowed. Nobody, if it is empty. */
    readonly sources: readonly {
      /** ServiceAccount, or IdentityBinding for other ways to say who. */
      readonly kind: 'ServiceAccount' | 'IdentityBinding'
      /** access.smi-spec.io for an IdentityBinding; nothing for a ServiceAccount. */
      readonly group?: string
      /** Name of the ServiceAccount or IdentityBinding. */
      readonly name: string
      /** Its namespace; absent: that of this object. */
      readonly namespace?: string
      /**
       * Not part of this version, and has no meaning for a source; kept for objects written in v1alpha1 or
       * v1alpha2.
       */
      readonly port?: number | string
      readonly [field: string]: unknown
    }[]
    readonly [field: string]: unknown
  }
  readonly [field: string]: unknown
  readonly status?: ObjectStatus
}

/** UDPRoute names UDP traffic, by port, for a TrafficTarget to refer to. */
export interface UDPRouteV1alpha4 {
  readonly apiVersion: 'specs.smi-spec.io/v1alpha4'
  readonly kind: 'UDPRoute'
  readonly metadata: ObjectMeta
  /** The ports of the route. */
  readonly spec?: {
    /** Which ports. */
    readonly matches?: {
      /** Has no meaning. */
      readonly name?: string
      /** UDP ports, of the Service or of the pod; an empty list or none: all ports. */
      readonly ports?: readonly number[]
    }
  }
  readonly status?: ObjectStatus
}
