// Runs AccountService.recover and AccountService.reset of SelfCommunity's own client, @selfcommunity/api-services: a link by
// mail, a new password, and the sign-in that comes with it.
//
//     node selfcommunity_reset.mjs PACKAGES URL
//
// URL is that of `cargo run`, whose mailbox has the link. It changes the password of the demo user jimmy.

import { createRequire } from 'node:module'
import { setTimeout } from 'node:timers/promises'
import { expect, report } from './expectations.mjs'

const [packages, url] = process.argv.slice(2)
const { AccountService, SSOService, formatHttpErrorCode, http } = createRequire(`${packages}/`)(
  '@selfcommunity/api-services'
)
const email = 'jimmy@example.com'
const [oldPassword, newPassword] = ['correct horse battery staple', 'a password from a link']
const outcome = (call) => call.then((reply) => reply, (error) => error)
const signIn = (password) => outcome(http.post('/api/v2/account/signin/', { username: 'jimmy', password }))

http.setBasePortal(url)
// The client warns of each refusal.
console.warn = () => {}

const mails = async () => (await (await fetch(`${url}/_local/mailbox`)).json()).filter(({ to }) => to === email)
async function nextMail(after) {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await mails()
    if (found.length > after) return found[after]
    await setTimeout(200)
  }
  throw new Error(`no mail to ${email} came`)
}

const before = (await mails()).length
expect(await AccountService.recover({ email: 'nobody@example.com' }), '', 'recover of an unknown address')
expect(await AccountService.recover({ email }), '', 'recover')
const link = await nextMail(before)
const [code] = link.text.match(/\d+-[0-9a-f]{64}/)
expect(link.html.includes(code), true, 'the code in the HTML of the mail')
report('AccountService.recover says nothing, and the link comes by mail')

const weak = await outcome(AccountService.reset({ validation_code: code, password: 'short' }))
expect([weak.response?.status, formatHttpErrorCode(weak)], [400, { passwordError: { error: 'invalid' } }], 'a weak password')
const wrong = { validation_code: code.replace(/.$/, (last) => (last === '0' ? '1' : '0')), password: newPassword }
const invalid = [400, { validationCodeError: { error: 'invalid' } }]
const refused = async (body, what) => {
  const error = await outcome(AccountService.reset(body))
  expect([error.response?.status, formatHttpErrorCode(error)], invalid, what)
}
await refused(wrong, 'a wrong code')
const { token } = await AccountService.reset({ validation_code: code, password: newPassword })
expect([token.token_type, typeof token.expires_in], ['Bearer', 'string'], 'the token')
await refused({ validation_code: code, password: newPassword }, 'the same code once more')
report('its formatHttpErrorCode reads the replies to a weak password, a wrong code and a spent one')

http.setAuthorizeToken(token.access_token)
expect((await SSOService.SignIn()).username, 'jimmy', 'SSOService.SignIn with the token of AccountService.reset')
expect((await signIn(oldPassword)).response?.status, 401, 'a sign-in with the old password')
expect((await signIn(newPassword)).status, 200, 'a sign-in with the new password')
const told = await nextMail(before + 1)
expect(told.text.includes(code), false, 'the code in the second mail')
report('AccountService.reset signs in, the new password does too, and a second mail says that it was changed')
