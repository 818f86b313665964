import { chromium } from 'playwright'
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { findBrowser, BROWSER_ARGS } from '/tmp/w/fresh17/scripts/browser.js'
const { executablePath } = findBrowser()
const browser = await chromium.launch({ executablePath, args: BROWSER_ARGS })
const emit = (q: string) => fetch('http://localhost:3001/emit?' + q)
const only = process.argv.slice(2)
async function run(name: string, o: { before?(context: any): Promise<void>; tabs?: number; act?(page: any, context: any): Promise<void>; wait?: number; views: string[]; filter?: RegExp }) {
  if (only.length && !only.includes(name)) return
  const context = await browser.newContext({ viewport: { width: 1200, height: 700 } })
  await o.before?.(context)
  const lines: string[] = []
  const page = await context.newPage()
  page.setDefaultTimeout(60_000)
  page.on('console', (m: any) => /partyline/.test(m.text()) && lines.push(m.text().slice(0, 260)))
  page.on('pageerror', (e: any) => lines.push('PAGEERROR ' + e.message))
  await page.goto('http://localhost:5199/', { waitUntil: 'domcontentloaded' })
  await page.getByRole('button', { name: 'Partyline' }).click()
  await page.waitForTimeout(4000)
  try { await o.act?.(page, context) } catch (e: any) { console.log('ACT', e.message) }
  await page.waitForTimeout(o.wait ?? 4000)
  console.log(`\n===== ${name}\nCONSOLE: ${lines.join('\n  ')}`)
  console.log('PILL', await page.evaluate(() => document.querySelector('partyline-devtools')?.shadowRoot?.querySelector('.pill')?.textContent), '| errors badge', await page.evaluate(() => document.querySelector('partyline-devtools')?.shadowRoot?.querySelector('#tab-errors small')?.textContent))
  for (const v of o.views) { await page.getByRole('tab', { name: v }).first().click(); await page.waitForTimeout(1200); console.log(` [${v}]`, (await page.getByRole('tabpanel').innerText()).replace(/\n+/g, ' | ').slice(0, 900)); await page.screenshot({ path: `/tmp/w/fresh17-tools/shots/fault-${name}-${v}.png` }) }
  await context.close()
}
const stop = () => process.kill(Number(readFileSync('/tmp/w-fresh17-app/my-app/server.pid', 'utf8')))
const start = () => { const p = spawn('node', ['server.js'], { cwd: '/tmp/w-fresh17-app/my-app', detached: true, stdio: 'ignore' }); p.unref(); writeFileSync('/tmp/w-fresh17-app/my-app/server.pid', String(p.pid)) }
await run('leak', { views: [], async act(page, context) {
  const cdp = await context.newCDPSession(page)
  await cdp.send('Performance.enable')
  const measure = async () => { await cdp.send('HeapProfiler.collectGarbage'); await cdp.send('HeapProfiler.collectGarbage'); const { metrics } = await cdp.send('Performance.getMetrics'); const m = Object.fromEntries(metrics.map((x: any) => [x.name, x.value])); return `nodes ${m.Nodes} listeners ${m.JSEventListeners} heap ${Math.round(m.JSHeapUsedSize / 1024)} kB` }
  const cycle = (n: number) => page.evaluate(async (n: number) => { const { mountPartylineDevtools } = await import('/@id/partyline/devtools' as string); for (let i = 0; i < n; i++) { const end = mountPartylineDevtools(document.body, (window as any).line, { layout: 'inline' }); await new Promise((r) => setTimeout(r, 60)); end() } await new Promise((r) => setTimeout(r, 500)) }, n)
  await cycle(10); console.log('LEAK before', await measure()); await cycle(100); console.log('LEAK after 100', await measure(), 'hosts', await page.evaluate(() => document.querySelectorAll('partyline-devtools').length))
} })
await run('unmapped', { views: ['Errors', 'Events'], act: async () => void (await emit('e=salary_paid')) })
await run('matches-nothing', { views: ['Rules', 'Events', 'Errors'], act: async () => { for (let i = 0; i < 12; i++) { await emit('e=balance_updated&accountId=99'); await new Promise((r) => setTimeout(r, 1300)) } } })
await run('token', { views: ['Line', 'Errors', 'Connection'], wait: 20_000, before: (c) => c.route('**/api/socket-token', (r: any) => r.fulfill({ json: { token: 'nonsense-tok' } })) })
await run('worker404', { views: ['Line', 'Errors', 'Tabs'], before: (c) => c.route(/worker.*(js|ts)/i, (r: any) => r.request().url().includes('partyline') || /worker/.test(new URL(r.request().url()).pathname) ? r.fulfill({ status: 404, body: 'no' }) : r.continue()), wait: 8000 })
await run('hungapi', { views: ['Events', 'Queries', 'Line'], wait: 6000, before: (c) => c.route('**/api/accounts/**', () => undefined), act: async () => { await emit('e=balance_updated&accountId=7'); await emit('e=balance_updated&accountId=7') } })
await run('hunghub', { views: ['Line', 'Errors', 'Connection'], wait: 25_000, act: async () => {
  const cdp = await browser.newBrowserCDPSession()
  const { targetInfos } = await cdp.send('Target.getTargets')
  const worker = targetInfos.find((t: any) => t.type === 'shared_worker')
  if (!worker) throw new Error('no worker ' + JSON.stringify(targetInfos.map((t: any) => t.type)))
  const { sessionId } = await cdp.send('Target.attachToTarget', { targetId: worker.targetId, flatten: false })
  await cdp.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression: 'for (const t = Date.now(); Date.now() - t < 60000;);' } }) })
} })
await run('recorder-gone', { views: ['Line'], before: (c) => c.route(/recorder/, (r: any) => r.fulfill({ status: 404, body: '' })), wait: 8000 })
await run('server-down', { views: ['Line', 'Errors', 'Connection', 'Tabs'], wait: 20_000, act: async () => stop() })
start()
await browser.close()
