import { createHash } from 'node:crypto'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type Rolldown } from 'vite'
import { roubleSign } from './rouble.ts'

/** Files every page needs besides what it imports. */
const ROOT_FILES = ['/icon.svg', '/manifest.webmanifest']

/** Builds the service worker and tells it what the member's page and the till are made of. */
function serviceWorker(): Plugin {
  return {
    name: 'unioncard-service-worker',
    apply: 'build',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'src/offline/worker.ts', fileName: 'sw.js' })
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const worker = bundle['sw.js']
        if (worker?.type !== 'chunk') throw new Error('the service worker was not built')
        if (worker.imports.length > 0) throw new Error('the service worker stands alone')
        // A till reads proofs with its camera when the network is cut; a member's receipts are sent with network alone.
        const card = filesOf(bundle, 'index.html').filter((name) => !name.endsWith('.wasm'))
        const pages = { '/': card, '/till': filesOf(bundle, 'till.html') }
        const list = JSON.stringify(pages)
        const version = createHash('sha256').update(list).update(worker.code).digest('hex').slice(0, 12)
        worker.code = worker.code.replaceAll('__PRECACHE__', `{version:"${version}",pages:${list}}`)
      },
    },
  }
}

/** Scripts, styles, fonts and pictures of an entry, those loaded later included, and the wasm of its camera's reader. */
function filesOf(bundle: Rolldown.OutputBundle, html: string): string[] {
  const entry = Object.values(bundle).find(
    (file) => file.type === 'chunk' && file.isEntry && file.facadeModuleId?.endsWith(`/${html}`),
  )
  if (!entry) throw new Error(`${html} was not built`)
  const found = new Set<string>()
  const waiting = [entry.fileName]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const file = bundle[name]
    if (found.has(name) || !file) continue
    found.add(name)
    if (file.type !== 'chunk') continue
    waiting.push(...file.imports, ...file.dynamicImports)
    for (const set of [file.viteMetadata?.importedCss, file.viteMetadata?.importedAssets])
      waiting.push(...(set ?? []))
  }
  const fonts = Object.keys(bundle).filter((name) => name.endsWith('.woff2'))
  const files = [...found, ...fonts].map((name) => `/${name}`)
  return [...new Set([...files, ...ROOT_FILES])].sort()
}

// Five entries, one origin. The server replaces `__CSP_NONCE__` in each HTML file on every request.
export default defineConfig({
  plugins: [react(), roubleSign(), serviceWorker()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: {
        index: 'index.html',
        till: 'till.html',
        office: 'office.html',
        docs: 'docs.html',
        consent: 'consent.html',
      },
      // What every page needs at once comes in one file instead of a dozen crumbs.
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'base',
              test: /node_modules[\\/](react|react-dom|scheduler|i18next|react-i18next|@tanstack|openapi-fetch|clsx)[\\/]/,
            },
            { name: 'ui', test: /src[\\/](ui[\\/](?!StaffSignIn|Camera|barcodes)|api[\\/])/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
})
