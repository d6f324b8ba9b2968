// Runs SelfCommunity's own client, @selfcommunity/api-services, against account and sso: the sign-in, the user, a refresh
// and the revocation.
//
//     node selfcommunity.mjs PACKAGES URL

import { createRequire } from 'node:module'
import { expect, report } from './expectations.mjs'

const [packages, url] = process.argv.slice(2)
const client = createRequire(`${packages}/`)('@selfcommunity/api-services')
const { Endpoints, SSOService, formatHttpErrorCode, http } = client

// What the client's axios really sent: the services do not show it.
let sent
http.getClientInstance().interceptors.response.use((reply) => {
  sent = `${reply.request.getHeader('content-type')}, ${reply.request.getHeader('content-length') ?? 0} bytes`
  return reply
})

const account = (username, password) => http.post('/api/v2/account/signin/', { username, password })
const oauth = { url: Endpoints.OAuthToken.url({}), method: Endpoints.OAuthToken.method }
const token = (form) => http.request({ ...oauth, data: new URLSearchParams(form) })
const outcome = (call) => call.then((reply) => reply.data ?? reply, (error) => error)

http.setBasePortal(url)
// The client warns of each refusal.
console.warn = () => {}

const wrongPassword = await outcome(account('johndoe', 'wrong'))
expect(wrongPassword.response?.status, 401, 'a wrong password')
expect(formatHttpErrorCode(wrongPassword), { error: 'authentication_failed' }, 'a wrong password')
const noCredentials = await outcome(account('', undefined))
expect(
  formatHttpErrorCode(noCredentials),
  { usernameError: { error: 'required' }, passwordError: { error: 'required' } },
  'no credentials'
)
report('its formatHttpErrorCode reads the replies to a wrong password and to missing fields')

const first = (await account('johndoe', 'SecurePass123!')).data.token
expect([first.token_type, typeof first.expires_in], ['Bearer', 'string'], 'the token')
http.setAuthorizeToken(first.access_token)
const johndoe = { id: 1, ext_id: 42, username: 'johndoe', role: 'moderator', tags: [3, 5] }
expect(await SSOService.SignIn(), johndoe, 'SSOService.SignIn')
expect(sent, 'application/json, 0 bytes', 'what SSOService.SignIn sent')
report(`SSOService.SignIn gives the user (it sent ${sent})`)

http.setAuthorizeToken(`${first.access_token}x`)
const forged = await outcome(SSOService.SignIn())
expect(forged.response?.status, 401, 'a wrong token')
expect(forged.response.headers['www-authenticate'], 'Bearer error="invalid_token"', 'a wrong token')
expect(formatHttpErrorCode(forged), { error: 'authentication_failed' }, 'a wrong token')
http.setAuthorizeToken(null)
expect(formatHttpErrorCode(await outcome(SSOService.SignIn())), { error: 'not_authenticated' }, 'no token')
report('its formatHttpErrorCode reads the replies to a wrong token and to none')

const refresh = { grant_type: 'refresh_token', client_id: first.client_id }
const second = (await token({ ...refresh, refresh_token: first.refresh_token })).data
expect(
  [second.token_type, typeof second.expires_in, second.refresh_token === first.refresh_token],
  ['Bearer', 'number', false],
  'a refresh'
)
const type = sent.split(',')[0]
http.setAuthorizeToken(second.access_token)
expect(await SSOService.SignIn(), johndoe, 'SSOService.SignIn with the refreshed token')
report(`a form to /oauth/token/ refreshes (sent as ${type}), and SSOService.SignIn accepts the new token`)

const form = new URLSearchParams({ token: second.refresh_token, client_id: first.client_id })
const revoked = await http.post('/oauth/revoke_token/', form)
expect(revoked.status, 200, 'the revocation')
for (const access of [first.access_token, second.access_token]) {
  http.setAuthorizeToken(access)
  expect((await outcome(SSOService.SignIn())).response?.status, 401, "sso with the revoked session's token")
}
const after = await outcome(token({ ...refresh, refresh_token: second.refresh_token }))
expect([after.response?.status, after.response?.data], [400, { error: 'invalid_grant' }], 'a refresh after that')
report('a revocation ends the session: sso answers 401, a refresh invalid_grant')
