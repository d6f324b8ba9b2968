// Writes users of FreeSewing as JSON lines, encrypted and hashed by Node's own crypto as FreeSewing's backend does.
import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'

const passphrase = process.argv[2]
const key = scryptSync(passphrase, 'FreeSewing', 32)
const encrypt = (value) => {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const ct = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()])
  return JSON.stringify({ iv: iv.toString('hex'), ct: ct.toString('hex') })
}
const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const v3 = (password) => {
  const salt = randomBytes(16)
  return JSON.stringify({ type: 'v3', hash: scryptSync(password, salt, 64).toString('hex'), salt: salt.toString('hex') })
}
const v2 = (data) => JSON.stringify({ type: 'v2', data })

const PASSWORD = 'correct horse battery staple'
const user = (id, username, password, more = {}) => ({
  id,
  bio: encrypt(`I am ${username}`),
  compare: 1,
  consent: 1,
  control: 3,
  createdAt: Date.UTC(2023, 7, id),
  data: encrypt({ githubUsername: `${username}-on-github` }),
  ehash: sha256(`${username}@example.com`),
  email: encrypt(`${username}@example.com`),
  ihash: sha256(`${username}@example.com`),
  img: encrypt('https://example.com/avatar.svg'),
  initial: encrypt(`${username}@example.com`),
  imperial: 0,
  jwtCalls: 12,
  keyCalls: 0,
  language: 'nl',
  lastSeen: Date.UTC(2025, 1, id),
  lusername: username.toLowerCase(),
  mfaSecret: encrypt(''),
  mfaEnabled: 0,
  newsletter: 1,
  password,
  patron: 4,
  role: 'user',
  status: 1,
  updatedAt: Date.UTC(2025, 1, id),
  username,
  ...more,
})
// The hash of users of version 2. `twice` has a password that the upgrade to version 3 hashed a second time.
const bcrypt = '$2a$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W'
const rows = [
  user(1, 'olduser', v2(bcrypt)),
  user(2, 'twice', v3(v3(PASSWORD))),
  user(3, 'older', v2(bcrypt)),
  user(14, 'jimmy', v3(PASSWORD)),
  user(15, 'guarded', v3(PASSWORD), { mfaEnabled: 1, mfaSecret: encrypt('KBTSKUKRDJPEGCZK') }),
  user(16, 'waiting', v3(PASSWORD), { status: 0 }),
  user(17, 'blocked', v3(PASSWORD), { status: -2 }),
  user(18, 'broken', 'not even JSON'),
  user(19, 'unusual', v3(PASSWORD), { username: `O'Neil, "x"; \\ (☃ 😀)`, lusername: `o'neil, "x"; \\ (☃ 😀)`, img: null }),
]
for (const row of rows) console.log(JSON.stringify(row))
