/**
 * The ASN.1 of X.509 certificates, put together with node-forge, which writes DER well and cannot handle elliptic curves:
 * keys and signatures are made elsewhere. Knows RFC 5280's structures and nothing of identities.
 */
import forge from 'node-forge'

const { asn1 } = forge
const { Class, Type } = asn1

export type Asn1 = forge.asn1.Asn1

/** In years before 2050 a time is a UTCTime, else a GeneralizedTime (RFC 5280 §4.1.2.5). */
const GENERALIZED_FROM = 2050

const SIGNATURE_ALGORITHM = '1.2.840.10045.4.3.2' // ecdsa-with-SHA256
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14'
const ORGANIZATION = '2.5.4.10'
const COMMON_NAME = '2.5.4.3'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

export function sequence(...items: readonly Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...items])
}

export function toDer(node: Asn1): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1')
}

export function fromDer(der: Uint8Array): Asn1 {
  return asn1.fromDer(Buffer.from(der).toString('latin1'))
}

export function signatureAlgorithm(): Asn1 {
  return sequence(oid(SIGNATURE_ALGORITHM))
}

export function integer(bytes: Uint8Array): Asn1 {
  return primitive(Type.INTEGER, bytes)
}

export function bitString(bytes: Uint8Array): Asn1 {
  return primitive(Type.BITSTRING, Buffer.concat([Buffer.of(0), bytes]))
}

/** `[0] EXPLICIT INTEGER 2`: version 3, the one with extensions. */
export function version3(): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, 0, true, [integer(Uint8Array.of(2))])
}

/** `[3] EXPLICIT SEQUENCE OF Extension`. */
export function extensions(list: readonly Asn1[]): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, 3, true, [sequence(...list)])
}

/** A distinguished name. Nobody goes by it; an empty common name is left out. */
export function distinguishedName(commonName: string): Asn1 {
  const organization = relativeName(ORGANIZATION, 'smi-mesh')
  return commonName === '' ? sequence(organization) : sequence(organization, relativeName(COMMON_NAME, commonName))
}

export function validity(notBefore: number, notAfter: number): Asn1 {
  return sequence(time(new Date(notBefore)), time(new Date(notAfter)))
}

/** May sign leaves, and leaves alone: no certificate of an authority may stand between. */
export function authorityConstraints(): Asn1 {
  const isAuthority = primitive(Type.BOOLEAN, Uint8Array.of(0xff))
  return extension('2.5.29.19', true, sequence(isAuthority, integer(Uint8Array.of(0))))
}

/** An empty sequence: that a certificate is no authority is the default, which DER leaves out. */
export function leafConstraints(): Asn1 {
  return extension('2.5.29.19', true, sequence())
}

/** Bits are numbered from the left; the first byte counts the unused ones on the right. */
export function keyUsage(usage: 'signsCertificates' | 'signsHandshakes'): Asn1 {
  const bits = usage === 'signsCertificates' ? Uint8Array.of(1, 0b0000_0110) : Uint8Array.of(7, 0b1000_0000)
  return extension('2.5.29.15', true, primitive(Type.BITSTRING, bits))
}

/** Every sidecar is a server to some and a client to others. */
export function extendedKeyUsage(): Asn1 {
  return extension('2.5.29.37', false, sequence(oid(SERVER_AUTH), oid(CLIENT_AUTH)))
}

/** One URI, the only name that counts within the mesh (X509-SVID §2), and names for callers that know none but DNS. */
export function alternativeNames(uri: string, dns: readonly string[] = []): Asn1 {
  const names = [asn1.create(Class.CONTEXT_SPECIFIC, 6, false, uri)]
  for (const name of dns) names.push(asn1.create(Class.CONTEXT_SPECIFIC, 2, false, name))
  return extension('2.5.29.17', false, sequence(...names))
}

export function subjectKeyIdentifier(keyId: Buffer): Asn1 {
  return extension(SUBJECT_KEY_IDENTIFIER, false, primitive(Type.OCTETSTRING, keyId))
}

export function authorityKeyIdentifier(keyId: Buffer): Asn1 {
  const identifier = asn1.create(Class.CONTEXT_SPECIFIC, 0, false, keyId.toString('latin1'))
  return extension('2.5.29.35', false, sequence(identifier))
}

/** The subject of an encoded certificate, to be named as issuer letter by letter. */
export function subjectOf(certificate: Uint8Array): Asn1 {
  const [tbs] = children(fromDer(certificate))
  const subject = tbs === undefined ? undefined : children(tbs)[5]
  if (subject === undefined) throw new TypeError('This certificate has no subject.')
  return subject
}

/** What an encoded certificate calls its own key; undefined where it does not say. */
export function subjectKeyIdentifierOf(certificate: Uint8Array): Buffer | undefined {
  const [tbs] = children(fromDer(certificate))
  const [list] = children((tbs === undefined ? [] : children(tbs)).at(-1) ?? sequence())
  const name = oid(SUBJECT_KEY_IDENTIFIER).value
  const found = (list === undefined ? [] : children(list)).find(one => children(one)[0]?.value === name)
  const content = found === undefined ? undefined : children(found).at(-1)?.value
  if (typeof content !== 'string') return undefined
  const identifier = fromDer(Buffer.from(content, 'latin1')).value
  return typeof identifier === 'string' ? Buffer.from(identifier, 'latin1') : undefined
}

function children(node: Asn1): readonly Asn1[] {
  return Array.isArray(node.value) ? node.value : []
}

function extension(id: string, critical: boolean, value: Asn1): Asn1 {
  const content = primitive(Type.OCTETSTRING, toDer(value))
  return critical
    ? sequence(oid(id), primitive(Type.BOOLEAN, Uint8Array.of(0xff)), content)
    : sequence(oid(id), content)
}

function relativeName(type: string, value: string): Asn1 {
  const pair = sequence(oid(type), primitive(Type.UTF8, Buffer.from(value, 'utf8')))
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [pair])
}

function time(date: Date): Asn1 {
  return date.getUTCFullYear() < GENERALIZED_FROM
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date))
}

function oid(dotted: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes())
}

function primitive(type: forge.asn1.Type, bytes: Uint8Array): Asn1 {
  return asn1.create(Class.UNIVERSAL, type, false, Buffer.from(bytes).toString('latin1'))
}
