// Runs FreeSewing's own client, useBackend of @freesewing/react, against mfa: the sign-in, MFA on, the sign-in with codes,
// and MFA off.
//
//     node freesewing.mjs PACKAGES URL

import { createRequire } from 'node:module'
import { expect, report, totp } from './expectations.mjs'

const [packages, url] = process.argv.slice(2)
const stored = new Map()
globalThis.stored = stored

// As much of React and of the browser's storage as the hooks need. All else is the package's own code.
const shims = {
  react: `
    export const createContext = (value) => ({ value })
    export const useContext = (context) => context.value
    export const useMemo = (make) => make()
    export default { createElement: () => null }`,
  'use-local-storage-state': `
    export default (key, { defaultValue }) =>
      [stored.get(key) ?? defaultValue, (value) => stored.set(key, value)]`,
}
const bundled = await createRequire(`${packages}/`)('esbuild').build({
  stdin: {
    contents: `
      export { useBackend } from '@freesewing/react/hooks/useBackend'
      export { useAccount } from '@freesewing/react/hooks/useAccount'
      export { BackendContext } from '@freesewing/react/context/Backend'`,
    resolveDir: packages,
  },
  bundle: true,
  format: 'esm',
  loader: { '.mjs': 'jsx' },
  write: false,
  plugins: [
    {
      name: 'shims',
      setup(build) {
        build.onResolve({ filter: /^(react|use-local-storage-state)$/ }, ({ path }) => ({ path, namespace: 'shim' }))
        build.onLoad({ filter: /.*/, namespace: 'shim' }, ({ path }) => ({ contents: shims[path] }))
      },
    },
  ],
})
const code = Buffer.from(bundled.outputFiles[0].contents).toString('base64')
const { BackendContext, useAccount, useBackend } = await import(`data:text/javascript;base64,${code}`)
// The client writes each call to the console.
console.log = () => {}

/** Calls the hook anew each time, as the product's pages do: the hook reads the token that is stored then. */
const backend = () => useBackend()
const password = 'correct horse battery staple'
async function signIn(code) {
  const [status, body] = await backend().signIn({ username: 'jimmy', password, token: code })
  if (status === 200) useAccount().setToken(body.token)
  return [status, body.error ?? body.account.username]
}
async function ping(what) {
  const [status, body] = await backend().ping()
  expect([status, body.result, body.account?.username], [200, 'success', 'jimmy'], what)
  return body.account
}

BackendContext.value = { url }
expect((await backend().ping())[0], 401, 'ping without a token')
expect((await backend().signIn({ username: 'jimmy', password: 'wrong' }))[1].error, 'signInFailed', 'a wrong password')
expect(await signIn(), [200, 'jimmy'], 'signIn')
await ping('ping')
expect((await backend().reloadAccount())[1].account.mfaEnabled, false, 'MFA')
report('signIn, which sends "token":false, then ping and reloadAccount')

const [begunStatus, { mfa }] = await backend().enableMfa()
expect([begunStatus, typeof mfa.secret, mfa.qrcode.slice(0, 4)], [200, 'string', '<svg'], 'enableMfa')
expect(new URL(mfa.otpauth).searchParams.get('secret'), mfa.secret, 'the secret in otpauth')
const wrong = await backend().confirmMfa({ mfa: true, secret: mfa.secret, token: '000000' })
expect([wrong[0], wrong[1].error], [403, 'mfaTokenInvalid'], 'confirmMfa with a wrong code')
const [confirmed, body] = await backend().confirmMfa({ mfa: true, secret: mfa.secret, token: totp(mfa.secret) })
expect([confirmed, body.result, body.account?.mfaEnabled], [200, 'success', true], 'confirmMfa')
// The product's page does this with the codes.
const scratch = body.scratchCodes.map((code) => code)
expect(scratch.filter((code) => /^[0-9a-f]{16}$/.test(code)).length, 8, 'scratchCodes')
report('enableMfa gives a secret and its QR code, confirmMfa accepts a TOTP code and gives 8 scratch codes')
expect((await ping('ping with the same token')).mfaEnabled, true, 'MFA')
report('the same token is still valid')

expect(await signIn(), [403, 'mfaTokenRequired'], 'signIn without a code')
const later = totp(mfa.secret, 1)
expect(await signIn(later), [200, 'jimmy'], 'signIn with a TOTP code')
expect(await signIn(later), [401, 'signInFailed'], 'signIn with a TOTP code that was used')
expect(await signIn(scratch[0]), [200, 'jimmy'], 'signIn with a scratch code')
expect(await signIn(scratch[0]), [401, 'signInFailed'], 'signIn with a scratch code that was used')
report('signIn asks for a code, and accepts a TOTP code or a scratch code, each once')

const off = { mfa: false, password, token: scratch[1] }
const refused = await backend().disableMfa({ ...off, password: 'wrong' })
expect([refused[0], refused[1].error], [401, 'authenticationFailed'], 'disableMfa with a wrong password')
const [disabled, { account }] = await backend().disableMfa(off)
expect([disabled, account?.mfaEnabled], [200, false], 'disableMfa')
expect(await signIn(), [200, 'jimmy'], 'signIn after disableMfa')
report('disableMfa accepts a password and a scratch code; then signIn needs no code')
