/** What every entry starts with: texts, theme with the page's CSP nonce, server state. */
import './base.css'
import './fonts.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactNode, StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { asProblem } from '../api/problem'
import { Announcer } from './Announcer'
import { startTexts, type TextLoaders } from './i18n'
import { SessionProvider } from './session'
import { theme, variables } from './theme'

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? ''

// The scroll lock of modals writes its own style tag and reads the nonce from this name.
Object.assign(globalThis, { __webpack_nonce__: nonce })

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always',
      staleTime: 15_000,
      retry: (failures, error) =>
        failures < 2 && (asProblem(error).offline || asProblem(error).status >= 500),
    },
    mutations: { networkMode: 'always' },
  },
})

export async function start(texts: TextLoaders, page: ReactNode): Promise<void> {
  const root = document.getElementById('root')
  if (!root) return
  await startTexts(texts)
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={variables}
        defaultColorScheme="auto"
        colorSchemeManager={localStorageColorSchemeManager({ key: 'unioncard.theme' })}
        getStyleNonce={() => nonce}
      >
        <QueryClientProvider client={queries}>
          <Announcer>
            <SessionProvider>{page}</SessionProvider>
          </Announcer>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  )
}
