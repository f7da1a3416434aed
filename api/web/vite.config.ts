import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Four entries, one origin. The server replaces `__CSP_NONCE__` in each HTML file on every request.
export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: { index: 'index.html', till: 'till.html', office: 'office.html', docs: 'docs.html' },
      // What every page needs at once comes in one file instead of a dozen crumbs.
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'base',
              test: /node_modules[\\/](react|react-dom|scheduler|i18next|react-i18next|@tanstack|openapi-fetch|clsx)[\\/]/,
            },
            { name: 'ui', test: /src[\\/](ui[\\/](?!StaffSignIn)|api[\\/])/ },
          ],
        },
      },
    },
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
})
