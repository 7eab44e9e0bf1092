/** Certificates for tests of mTLS, small enough to be assembled here: the data plane issues none itself. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface TestCertificate {
  readonly pem: string
  readonly key: string
  readonly privateKey: KeyObject
  readonly name: string
}

/** A self-signed root, or a leaf of `issuer` with these subject alternative names. */
export function testCertificate(name: string, sans: readonly San[] = [], issuer?: TestCertificate): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const day = 86_400_000
  const extensions = [
    extension([0x55, 0x1d, 0x13], sequence(...(issuer === undefined ? [der(0x01, Buffer.from([0xff]))] : []))),
    ...(sans.length > 0 ? [extension([0x55, 0x1d, 0x11], sequence(...sans.map(alternativeName)))] : []),
  ]
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_SHA256,
    commonName(issuer?.name ?? name),
    sequence(time(Date.now() - day), time(Date.now() + day)),
    commonName(name),
    spki,
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign('sha256', tbs, issuer?.privateKey ?? privateKey)
  const certificate = sequence(tbs, ECDSA_SHA256, der(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const body = certificate.toString('base64').replace(/.{64}/g, '$&\n')
  const pem = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`
  return { pem, key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })), privateKey, name }
}

export interface San {
  readonly kind: 'uri' | 'dns'
  readonly text: string
}

const ECDSA_SHA256 = sequence(der(0x06, Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])))

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(der(0x06, Buffer.from([0x55, 0x04, 0x03])), der(0x0c, Buffer.from(name)))))
}

function time(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`))
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(der(0x06, Buffer.from(id)), der(0x04, value))
}

function alternativeName({ kind, text }: San): Buffer {
  return der(kind === 'uri' ? 0x86 : 0x82, Buffer.from(text))
}
