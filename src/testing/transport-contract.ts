import { adaptTransport } from '../transport/own-transport.js'
import type { OwnTransportMethods } from '../transport/transport.js'
import {
  becomes,
  type CheckedContractOptions,
  type ContractCase,
  type ContractRefusal,
  createContractBench,
  delay,
  reportKindsOf,
  stays,
  type TransportContractOptions,
  upsOf,
} from './contract-bench.js'
import { SENDING_CASES } from './sending-contract.js'

/** One thing that a hub relies on. `run` rejects where it does not hold. */
export interface TransportCase {
  readonly name: string
  run(): Promise<void>
}

/**
 * The contract of every transport, against a real server of its kind. For any test runner:
 * `for (const { name, run } of transportContract({ open, serve })) it(name, run)`.
 */
export function transportContract(options: TransportContractOptions): readonly TransportCase[] {
  let methods: OwnTransportMethods
  const open = adaptTransport((settings, handlers) => {
    methods = options.open(settings, handlers)
    return methods
  })
  return casesOf({ ...options, open, methods: () => methods })
}

/** For a transport of this package, which checks the metadata of its events itself. Its topics are words that it sends. */
export const transportCases = (options: CheckedContractOptions): readonly TransportCase[] =>
  casesOf({ ...options, lacks: ['join', ...(options.lacks ?? [])] })

function casesOf(options: CheckedContractOptions): readonly TransportCase[] {
  const lacks = options.lacks ?? []
  return CASES.filter(({ needs = [] }) => !needs.some((ability) => lacks.includes(ability))).map(({ name, test }) => ({
    name,
    async run() {
      const bench = createContractBench(options)
      try {
        await test(bench)
      } finally {
        await bench.close()
      }
    },
  }))
}

const byTopic = (one: unknown, other: unknown) =>
  JSON.stringify(one, ['topic', 'request']).localeCompare(JSON.stringify(other, ['topic', 'request']))

const CASES: readonly ContractCase[] = [
  {
    name: 'has the abilities that it is said to have, and no others',
    async test({ lacks, serve, connect, methods }) {
      connect((await serve()).port)
      const abilities = ['probe', 'renew', 'send', 'join', 'ask', 'tell'] as const
      const missing = abilities.filter((ability) => !methods()[ability])
      await becomes(
        () => missing,
        abilities.filter((ability) => lacks.includes(ability)),
      )
    },
  },
  {
    name: 'connects, and hands on events whose metadata is an object, or the value of one',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port, async () => ({ token: 'secret' }))
      await becomes(() => client.reports, ['up'])
      server.emit('changed', { id: 1 })
      server.emit('bare')
      server.emit('odd', 'text')
      server.emit('__proto__', [1])
      server.emit('off', false)
      server.emit('_line', { replayed: true })
      await becomes(
        () => client.events,
        [
          ['changed', { id: 1 }],
          ['bare', {}],
          ['odd', { value: 'text' }],
          ['__proto__', { value: [1] }],
          ['off', { value: false }],
          ['_line', { replayed: true }],
        ],
      )
    },
  },
  {
    name: 'sends the credentials that it was given, and asks for them at every attempt',
    needs: ['credentials'],
    async test({ serve, connect }) {
      const server = await serve()
      let asked = 0
      const client = connect(server.port, async () => ({ token: `t${++asked}` }))
      await becomes(() => client.reports, ['up'])
      client.transport.reconnect()
      await becomes(() => upsOf(client), 2)
      await becomes(() => server.tokens, ['t1', 't2'])
    },
  },
  {
    name: 'never comes back by itself',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      await becomes(() => client.reports, ['up'])
      server.drop()
      await becomes(() => reportKindsOf(client), ['up', 'down'])
      await stays(() => server.count(), 0)
      client.transport.connect()
      await becomes(() => reportKindsOf(client), ['up', 'down', 'up'])
      await becomes(() => server.count(), 1)
    },
  },
  {
    name: 'reports a refusal with its reason, and waits until it is told to connect',
    needs: ['credentials', 'refusals'],
    async test({ serve, connect }) {
      const server = await serve((token) => (token === 'fresh' ? undefined : { reason: 'token expired' }))
      let token = 'stale'
      const client = connect(server.port, async () => ({ token }))
      await stays(() => client.reports, ['refused: token expired'])
      await becomes(() => server.tokens, ['stale'])
      token = 'fresh'
      client.transport.connect()
      await becomes(() => client.reports, ['refused: token expired', 'up'])
      await becomes(() => server.tokens, ['stale', 'fresh'])
    },
  },
  {
    name: 'without credentials gives the attempt up, and waits',
    needs: ['credentials'],
    async test({ serve, connect }) {
      const server = await serve()
      let fail = true
      const client = connect(server.port, async () => {
        if (fail) throw new Error('no tab is left')
        return { token: 't' }
      })
      await stays(() => client.reports, ['no credentials: no tab is left'])
      fail = false
      client.transport.connect()
      await becomes(() => client.reports.at(-1), 'up')
      await becomes(() => server.tokens, ['t'])
    },
  },
  {
    name: 'does not send credentials that come too late',
    needs: ['credentials'],
    async test({ serve, connect }) {
      const server = await serve()
      const answers: ((value: { token: string }) => void)[] = []
      const client = connect(server.port, () => new Promise((resolve) => void answers.push(resolve)))
      await becomes(() => answers.length, 1)
      client.transport.reconnect()
      await becomes(() => answers.length, 2)
      answers[0]?.({ token: 'late' })
      answers[1]?.({ token: 'right' })
      await becomes(() => client.reports.at(-1), 'up')
      await becomes(() => server.tokens, ['right'])
      await becomes(() => server.count(), 1)
    },
  },
  {
    name: 'reports each failed attempt once, while the server is down',
    async test({ serve, connect }) {
      const first = await serve()
      await first.close()
      const client = connect(first.port)
      await becomes(() => reportKindsOf(client), ['failed'])
      client.transport.connect()
      await stays(() => reportKindsOf(client), ['failed', 'failed'])
      await serve(undefined, first.port)
      client.transport.connect()
      await becomes(() => client.reports.at(-1), 'up')
    },
  },
  {
    name: 'says whether a refusal is final, or for somebody else, and takes what can’t be judged for a failed attempt',
    needs: ['credentials', 'refusals'],
    async test({ serve, connect }) {
      const refusals = new Map<unknown, ContractRefusal>([
        ['banned', { reason: 'gone', final: true }],
        ['of bob', { reason: 'you are bob', code: 'wrong-identity' }],
        ['later', { reason: 'no database', code: 'unavailable' }],
      ])
      const server = await serve((token) => refusals.get(token))
      for (const [token, report] of [
        ['banned', 'refused for good: gone'],
        ['of bob', 'refused as somebody else: you are bob'],
        ['later', 'failed: no database'],
      ]) {
        const client = connect(server.port, async () => ({ token }))
        await becomes(() => client.reports, [report])
      }
    },
  },
  {
    name: 'disconnect ends a connection or an attempt without a report, and connect makes another one',
    async test({ serve, connect }) {
      const server = await serve()
      for (const session of ['keep', 'end'] as const) {
        const client = connect(server.port)
        client.transport.disconnect(session)
        client.transport.connect()
        await becomes(() => client.reports, ['up'])
        client.transport.disconnect(session)
        client.transport.connect()
        await becomes(() => client.reports, ['up', 'up'])
        await becomes(() => server.count(), 1)
        client.transport.disconnect(session)
        client.transport.disconnect(session)
        await becomes(() => server.count(), 0)
        await becomes(() => client.reports, ['up', 'up'])
      }
    },
  },
  {
    name: 'reconnect replaces a connection at once, without a report of its end',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      await becomes(() => client.reports, ['up'])
      client.transport.reconnect()
      await becomes(() => client.reports, ['up', 'up'])
      await becomes(() => server.count(), 1)
    },
  },
  {
    name: 'connect changes nothing while it is connected',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      client.transport.connect()
      await becomes(() => client.reports, ['up'])
      client.transport.connect()
      await stays(() => client.reports, ['up'])
      await becomes(() => server.count(), 1)
    },
  },
  {
    name: 'a probe is answered over a connection that lives',
    needs: ['probe'],
    async test({ serve, connect }) {
      const client = connect((await serve()).port)
      await becomes(() => client.reports, ['up'])
      await client.transport.probe?.()
      await Promise.all([client.transport.probe?.(), client.transport.renew?.({ token: 'x' })])
      await becomes(() => client.reports, ['up'])
    },
  },
  {
    name: 'a probe is not answered over one that is dead, nor over the next one',
    needs: ['probe'],
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      await becomes(() => client.reports, ['up'])
      server.freeze?.()
      let isAnswered = false
      void client.transport.probe?.().then(() => {
        isAnswered = true
      })
      await delay(200)
      client.transport.reconnect()
      await becomes(() => upsOf(client), 2)
      await client.transport.probe?.()
      await becomes(() => isAnswered, false)
    },
  },
  {
    name: 'offers renewed credentials over the present connection',
    needs: ['renew'],
    async test({ serve, connect }) {
      const server = await serve((token) =>
        token === 'good' ? undefined : { reason: 'no', ...(token === 'later' && { code: 'unavailable' }) },
      )
      const client = connect(server.port, async () => ({ token: 'good' }))
      await becomes(() => client.reports, ['up'])
      for (const [token, outcome] of [
        ['bad', 'refused'],
        ['good', 'accepted'],
        ['later', 'unavailable'],
      ]) {
        const answer = await client.transport.renew?.({ token })
        await becomes(() => answer, outcome)
      }
      await becomes(() => client.reports, ['up'])
    },
  },
  ...SENDING_CASES,
  {
    name: 'joins and leaves topics over the present connection, and stays in none over the next one',
    needs: ['join'],
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port, async () => ({ token: 't' }))
      const inTopics = () => [...(server.topics?.() ?? [])].sort()
      const say = (event: string, metadata: object) => client.transport.send?.(`_line:${event}`, { ...metadata })
      await becomes(() => client.reports, ['up'])
      say('join', { topics: ['p', 'q'], request: 1 })
      await becomes(() => inTopics(), ['p', 'q'])
      say('join', { topics: ['p'], request: 2 })
      await becomes(
        () => client.events.map(([, metadata]) => metadata).sort(byTopic),
        [
          { topic: 'p', request: 1, ok: true },
          { topic: 'p', request: 2, ok: true },
          { topic: 'q', request: 1, ok: true },
        ],
      )
      say('leave', { topics: ['p'] })
      await becomes(() => inTopics(), ['q'])
      client.transport.reconnect()
      await becomes(() => upsOf(client), 2)
      await stays(() => inTopics(), [])
      say('join', { topics: ['r'], request: 3 })
      await becomes(() => inTopics(), ['r'])
      await becomes(() => client.events.length, 4)
    },
  },
  {
    name: 'a server message about a topic says nothing of the connection',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      await becomes(() => client.reports, ['up'])
      const words = [
        { topic: 'p', ok: true, request: 1 },
        { topic: 'q', ok: false, message: 'not yours' },
      ]
      for (const word of words) server.emit('_line', word)
      await becomes(
        () => client.events,
        words.map((word) => ['_line', word]),
      )
      await becomes(() => client.reports, ['up'])
    },
  },
  {
    name: 'reports nothing after close, whenever that is',
    async test({ serve, connect }) {
      const server = await serve()
      const client = connect(server.port)
      await becomes(() => client.reports, ['up'])
      client.transport.close()
      server.emit('late')
      await becomes(() => server.count(), 0)
      let answer: (() => void) | undefined
      const late = new Promise<object>((resolve) => {
        answer = () => resolve({})
      })
      const early = connect(server.port, async () => ({ ...(await late) }))
      early.transport.close()
      answer?.()
      await stays(() => [client.reports, client.events, early.reports, server.count()], [['up'], [], [], 0])
    },
  },
]
