// Sends messages through Segment's own Node library, as an application does.
//
//   node segment_client.mjs <url> <write key> <token> <times>
//
// Each of the six calls is made so many times, with message ids `<token>/node/<type>/<number>` and the token as locale. Ends
// with 1 if the library says that anything was not delivered.

import { Analytics } from '@segment/analytics-node'

const [url, writeKey, token, times] = process.argv.slice(2)
// The library takes host and path apart.
const { origin, pathname } = new URL('v1/batch', url)
const analytics = new Analytics({ writeKey, host: origin, path: pathname, flushAt: 50 })

let failures = 0
analytics.on('error', (error) => {
  failures += 1
  console.error(`segment's node library: ${error.code}: ${error.reason?.message ?? error.reason}`)
})

for (let number = 0; number < Number(times); number += 1) {
  const about = (kind) => ({
    userId: `user-${number}`,
    messageId: `${token}/node/${kind}/${number}`,
    context: { locale: token, ip: '192.0.2.7' },
  })
  analytics.track({ ...about('track'), event: 'Test Event', properties: { number, ünïcode: 'größer\n日本' } })
  analytics.page({ ...about('page'), name: 'Home', properties: { url: 'https://example.com/?gclid=abc' } })
  analytics.screen({ ...about('screen'), name: 'Start' })
  analytics.identify({ ...about('identify'), traits: { email: `user-${number}@example.com`, plan: 'free' } })
  analytics.group({ ...about('group'), groupId: 'group-1', traits: { name: 'Example' } })
  analytics.alias({ ...about('alias'), previousId: `anonymous-${number}` })
}

await analytics.closeAndFlush()
process.exitCode = failures > 0 ? 1 : 0
