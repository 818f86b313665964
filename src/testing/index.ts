export type { ServerSocket } from './simulated-server.js'
export {
  createTestBrowser,
  type TestBrowser,
  type TestBrowserOptions,
  type TestNetwork,
  type TestServer,
  type TestTab,
} from './test-browser.js'
