import { becomes, type ContractCase, delay, reportKindsOf, stays } from './contract-bench.js'

/** What a hub relies on when it sends something. */
export const SENDING_CASES: readonly ContractCase[] = [
  {
    name: 'sends events over the present connection, and keeps nothing for the next one',
    needs: ['send'],
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      const say = (event: string, metadata: object) => client.transport.send?.(event, { ...metadata })
      say('_line:join', { topics: ['early'], request: 1 })
      await becomes(() => client.reports, ['up'])
      say('_line:join', { topics: ['p', 'ä'], request: 2 })
      await becomes(() => server.said, [['_line:join', { topics: ['p', 'ä'], request: 2 }]])
      server.drop()
      await becomes(() => reportKindsOf(client), ['up', 'down'])
      say('_line:leave', { topics: ['p'] })
      client.transport.reconnect()
      await becomes(() => client.reports.at(-1), 'up')
      say('_line:join', { topics: ['q'], request: 3 })
      await becomes(() => server.said.slice(1), [['_line:join', { topics: ['q'], request: 3 }]])
    },
  },
  {
    name: 'gives each that asks its own acknowledgement, as the server gave it',
    needs: ['ask'],
    async test({ serve, connect }) {
      const client = connect((await serve()).port)
      await becomes(() => client.reports, ['up'])
      const data = [{ n: 1, _line: { tab: 't1' } }, ['ä', 2], 'text', null, {}]
      const answers = await Promise.all(data.map((one) => client.transport.ask?.('echo', one, 5_000)))
      await becomes(() => answers, data)
      const denied = await client.transport.ask?.('deny', {}, 5_000)
      await becomes(() => denied, { ok: false, message: 'denied' })
      await becomes(() => client.events, [])
    },
  },
  {
    name: 'asks once, over the present connection, and keeps nothing for the next one',
    needs: ['ask'],
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      const answers: unknown[] = []
      const ask = (event: string, n: number, timeoutMs = 5_000) =>
        void client.transport.ask?.(event, { n }, timeoutMs).then(
          (answer) => answers.push(answer),
          () => undefined,
        )
      ask('echo', 1)
      await becomes(() => client.reports, ['up'])
      ask('unheard', 2, 50)
      ask('unheard', 3)
      await becomes(() => server.said.length, 2)
      server.drop()
      ask('unheard', 4)
      await becomes(() => reportKindsOf(client), ['up', 'down'])
      ask('echo', 5)
      client.transport.reconnect()
      await becomes(() => client.reports.at(-1), 'up')
      ask('echo', 6)
      await becomes(() => answers, [{ n: 6 }])
      await stays(
        () => server.said.filter(([, data]) => (data as { n?: unknown }).n !== 4),
        [
          ['unheard', { n: 2 }],
          ['unheard', { n: 3 }],
          ['echo', { n: 6 }],
        ],
      )
    },
  },
  {
    name: 'tells an event that nobody acknowledges, and drops it without a connection',
    needs: ['tell'],
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      client.transport.tell?.('typing', { n: 1 })
      await becomes(() => client.reports, ['up'])
      client.transport.tell?.('typing', { n: 2 })
      await becomes(() => server.said, [['typing', { n: 2 }]])
      server.drop()
      await becomes(() => reportKindsOf(client), ['up', 'down'])
      client.transport.tell?.('typing', { n: 3 })
      client.transport.reconnect()
      await becomes(() => client.reports.at(-1), 'up')
      await delay(50)
      client.transport.tell?.('typing', { n: 4 })
      await becomes(() => server.said.slice(1), [['typing', { n: 4 }]])
    },
  },
]
