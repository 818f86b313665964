import type { Plugin } from 'vite'

/**
 * Vite wraps dynamic imports in a helper that preloads what a chunk needs: 1.3 kB that touch `document` and `import.meta`. One
 * file has nothing to preload, and other bundlers warn of it when they build a consumer.
 */
export const withoutPreloadHelper: Plugin = {
  name: 'without-preload-helper',
  enforce: 'pre',
  load: (id) => (id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load()' : undefined),
}
