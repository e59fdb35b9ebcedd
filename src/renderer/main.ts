import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { connectHost } from './bridge'
import { startSession } from './stores/start'
import './theme/tokens.css'
import './theme/base.css'
import './theme/controls.css'
import './theme/menus.css'
import './theme/dock.css'

const app = createApp(App)
app.use(createPinia())
connectHost()
app.mount('#app')
void startSession()
