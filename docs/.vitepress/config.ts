import { copyFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { slug } from 'github-slugger'
import { defineConfig } from 'vitepress'
import { examplePath, writeExamples } from './examples.js'
import { GUIDES, llmsText, REFERENCE } from './pages.js'

const docs = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const description = 'One connection per browser, every tab live. Sockets notify, TanStack Query fetches.'

export default defineConfig({
  title: 'Partyline',
  description,
  lang: 'en',
  cleanUrls: true,
  lastUpdated: false,
  srcExclude: ['README.md', 'node_modules/**'],
  markdown: {
    // The same anchors as where the code is hosted.
    anchor: { slugify: slug },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(markdown) {
      // Where the code is hosted, these links lead to sources and examples. The site has the examples.
      const { link_open: open, link_close: close } = markdown.renderer.rules
      const leavesDocs = (href: string, file: string) =>
        !/^([a-z]+:|[/#])/.test(href) && !existsInDocs(pathOf(href, file))
      const left: boolean[] = []
      markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
        const token = tokens[index]
        const href = token?.attrGet('href') ?? ''
        const leaves = leavesDocs(href, env.path)
        const example = leaves ? examplePath(pathOf(href, env.path)) : undefined
        if (token && example) {
          token.attrSet('href', example)
          // VitePress would look for a page there.
          token.attrSet('target', '_self')
          left.push(false)
          return self.renderToken(tokens, index, options)
        }
        left.push(leaves)
        return leaves ? '<span>' : (open ?? self.renderToken.bind(self))(tokens, index, options, env, self)
      }
      markdown.renderer.rules.link_close = (tokens, index, options, env, self) =>
        left.pop() ? '</span>' : (close ?? self.renderToken.bind(self))(tokens, index, options, env, self)
    },
  },
  themeConfig: {
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [
      { text: 'Guide', link: '/getting-started' },
      { text: 'Errors', link: '/errors' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [...GUIDES, ...REFERENCE],
    notFound: {
      title: 'Page not found',
      quote: 'There is no page at this address. Search for it, or begin at the home page.',
      linkText: 'Home',
    },
    docFooter: { prev: 'Previous', next: 'Next' },
  },
  buildEnd({ outDir }) {
    // Coding agents read Markdown: each page is there as its source, too.
    writeFileSync(join(outDir, 'llms.txt'), llmsText(description))
    for (const name of readdirSync(docs)) if (name.endsWith('.md')) copyFileSync(join(docs, name), join(outDir, name))
    writeExamples(outDir)
  },
})

const pathOf = (href: string, file: string): string => resolve(dirname(file), href.replace(/#.*/, ''))

const existsInDocs = (file: string): boolean => file.startsWith(docs) && (existsSync(file) || existsSync(`${file}.md`))
