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

export default {
  extends: DefaultTheme,
  Layout: defineComponent(() => {
    const route = useRoute()
    onMounted(markMain)
    watch(() => route.data, markMain, { flush: 'post' })
    return () => h(DefaultTheme.Layout)
  }),
}
