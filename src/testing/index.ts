/**
 * A simulated browser for tests of an app, and the contract of a transport.
 * @module partyline/testing
 */

export type {
  ContractRefusal,
  ContractServer,
  TransportAbility,
  TransportContractOptions,
} from './contract-bench.js'
export type { ServerSocket } from './simulated-server.js'
export {
  createTestBrowser,
  type TestBrowser,
  type TestBrowserOptions,
  type TestNetwork,
  type TestServer,
  type TestTab,
} from './test-browser.js'
export { type TransportCase, transportContract } from './transport-contract.js'
