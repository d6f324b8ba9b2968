// The words in which the scripts for Node report what they saw, and what they expected instead.

import { createHmac } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

export const report = (what) => process.stdout.write(`   ${what}\n`)

export function expect(found, expected, what) {
  if (!isDeepStrictEqual(found, expected)) {
    console.error(`${what}: ${JSON.stringify(found)} and not ${JSON.stringify(expected)}`)
    process.exit(1)
  }
}

/** The TOTP code (RFC 6238) of a secret in base32, of the present step or of a later one. */
export function totp(secret, stepsLater = 0) {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((digit) => digits.indexOf(digit).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + stepsLater))
  const hash = createHmac('sha1', key).update(step).digest()
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
