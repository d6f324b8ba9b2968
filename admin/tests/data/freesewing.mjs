// Writes freesewing.jsonl: rows as `sqlite3 -json` shows FreeSewing's table `User`, in two of its versions.
// The columns are encrypted the way FreeSewing's own crypto.mjs does it. Run: node freesewing.mjs > freesewing.jsonl
import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto'
import { readFileSync } from 'node:fs'

const passphrase = readFileSync(new URL('freesewing.key', import.meta.url), 'utf8').trim()
const key = scryptSync(passphrase, 'FreeSewing', 32)
const seal = (value) => {
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const ct = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()])
  return JSON.stringify({ iv: iv.toString('hex'), ct: ct.toString('hex') })
}
const v3 = (password, salt) =>
  JSON.stringify({ type: 'v3', hash: scryptSync(password, salt, 64).toString('hex'), salt: salt.toString('hex') })

const salt = Buffer.from([...Array(16).keys()])
const row = (id, username, email, password, more) => ({
  id, username, lusername: username.toLowerCase(), consent: 1, control: 1, imperial: 0, language: 'en', newsletter: 1,
  patron: 0, role: 'user', status: 1, mfaEnabled: 0, mfaSecret: null,
  ehash: createHash('sha256').update(email.toLowerCase().trim()).digest('hex'),
  email: seal(email), initial: seal(email), bio: seal(''), img: seal('default-avatar'), password,
  ...more,
})
const rows = [
  row(14, 'jimmy', 'jimmy@example.com', v3('correct horse battery staple', salt), {
    bio: seal('Ich nähe 🧵'), data: seal({ githubUsername: 'jimmysews' }),
    createdAt: 1668881722642, updatedAt: 1668881722642, lastSeen: 1668881722642,
  }),
  row(3, 'Oldtimer', 'Old.Timer@example.com',
    JSON.stringify({ type: 'v2', data: '$2a$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W' }), {
      github: seal('oldtimer'), status: 0,
      createdAt: '2022-11-19T18:15:22.642Z', updatedAt: '2022-11-19T18:15:22.642Z', lastSignIn: null,
    }),
  row(43, 'guarded', 'guarded@example.com', v3('Password1234!', salt), {
    mfaEnabled: 1, mfaSecret: seal('KBTSKUKRDJPEGCZK'), createdAt: 1668881722642, updatedAt: 1668881722642,
  }),
]
for (const row of rows) console.log(JSON.stringify(row))
