import { readFile } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { CONTENT_SECURITY_POLICY } from '../shared/content-security-policy'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon', '.woff2': 'font/woff2',
  '.wasm': 'application/wasm', '.map': 'application/json', '.txt': 'text/plain; charset=utf-8',
}

/** Sent with every answer of the app's origin. */
export const SECURITY_HEADERS: Record<string, string> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}

/** Answers GET and HEAD of the built pages below `folder`; "/" is index.html. Nothing outside the folder is reachable. */
export function staticFiles(folder: string): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return new Response(null, { status: 405, headers: { ...SECURITY_HEADERS, allow: 'GET, HEAD' } })
    const path = fileOf(new URL(request.url).pathname)
    const content = path === null ? null : await readFile(join(folder, path)).catch(() => null)
    if (path === null || content === null) return new Response('Not found.', { status: 404, headers: SECURITY_HEADERS })
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(content), {
      headers: {
        ...SECURITY_HEADERS,
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'content-length': String(content.byteLength),
        // The build puts a hash of the content into the names below assets/.
        'cache-control': path.startsWith(`assets${sep}`) ? 'private, max-age=31536000, immutable' : 'no-cache',
      },
    })
  }
}

/** Relative path of the file, or null for a name that cannot be one. URLs have their ".." resolved already; "%2e%2e%2f" has not. */
function fileOf(pathname: string): string | null {
  let decoded: string
  try {
    decoded = decodeURIComponent(pathname)
  } catch {
    return null
  }
  if (decoded.includes('\0') || decoded.includes('\\') || decoded.split('/').includes('..')) return null
  return normalize(decoded === '/' ? 'index.html' : decoded.slice(1))
}
