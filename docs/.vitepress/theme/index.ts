import { useRoute } from 'vitepress'
import DefaultTheme from 'vitepress/theme'
import { defineComponent, h, onMounted, watch } from 'vue'
import './colors.css'

/** The theme gives its home, and a page that is not there, no landmark for what is in them. */
function markMain(): void {
  const content = document.getElementById('VPContent')
  if (content?.querySelector('main')) content.removeAttribute('role')
  else content?.setAttribute('role', 'main')
}

/** The theme's search is a button around everything, with links in its options. Here it is a dialog, and the links are the options. */
function mendSearch(): void {
  const box = document.querySelector('.VPLocalSearchBox')
  if (!box) return
  box.setAttribute('role', 'dialog')
  for (const name of ['aria-expanded', 'aria-haspopup']) box.removeAttribute(name)
  for (const key of box.querySelectorAll('kbd[aria-label]')) key.setAttribute('role', 'img')
  for (const item of box.querySelectorAll('li[aria-selected]')) {
    const link = item.querySelector('a')
    if (!link) continue
    item.setAttribute('role', 'presentation')
    link.setAttribute('role', 'option')
    for (const name of ['id', 'aria-selected']) {
      const value = item.getAttribute(name)
      item.removeAttribute(name)
      if (value !== null) link.setAttribute(name, value)
    }
  }
}

export default {
  extends: DefaultTheme,
  Layout: defineComponent(() => {
    const route = useRoute()
    onMounted(() => {
      markMain()
      // The theme sets them again whenever the selection moves.
      const observed = { childList: true, subtree: true, attributeFilter: ['aria-selected'] }
      new MutationObserver(mendSearch).observe(document.body, observed)
    })
    watch(() => route.data, markMain, { flush: 'post' })
    return () => h(DefaultTheme.Layout)
  }),
}
