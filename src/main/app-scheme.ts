import { protocol } from 'electron'
import { DATA_PREFIX } from '../shared/contract'
import { SECURITY_HEADERS, staticFiles } from '../workbench/static-files'
import type { Workbench } from '../workbench/workbench'

const SCHEME = 'app'
const HOST = 'workbench'

/** The one page. Data has the same origin, so its policy needs no other. */
export const PAGE_URL = `${SCHEME}://${HOST}/index.html`

/** Before 'ready', once. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true } },
  ])
}

/** Pages and data by the same functions as the web host. */
export function serveApp(pagesFolder: string, workbench: Workbench): void {
  const pages = staticFiles(pagesFolder)
  protocol.handle(SCHEME, async (request) => {
    if (!isAppUrl(request.url)) return new Response(null, { status: 404 })
    if (!new URL(request.url).pathname.startsWith(DATA_PREFIX)) return await pages(request)
    const response = await workbench.data(request)
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value)
    return response
  })
}

/** Compared by its parts: a prefix would also fit app://workbench.example. */
export function isAppUrl(url: string): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : null
  return parsed?.protocol === `${SCHEME}:` && parsed.host === HOST
}
