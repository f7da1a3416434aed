/** The card for the phone's own wallet. Offered where the server says so; the code in there can only earn. */
import { Button, Stack, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { api, ask } from '../api/client'
import type { Card } from '../api/types'
import { ProblemNote } from '../ui/states'
import { useWords } from '../ui/words'

export function WalletButtons({ card }: { card: Card }) {
  const { t } = useWords()
  const apple = card.wallets?.includes('apple')
  const taking = useMutation({
    mutationFn: async () => {
      // Asked for once to renew the session and to hear of a refusal; a phone takes only what its browser opened itself.
      await ask(
        api.GET('/v1/me/cards/{id}/apple.pkpass', { params: { path: { id: card.id } }, parseAs: 'blob' }),
      )
      window.location.assign(`/v1/me/cards/${card.id}/apple.pkpass`)
    },
  })
  if (!apple) return null
  return (
    <Stack gap={4}>
      {taking.error ? <ProblemNote error={taking.error} /> : null}
      <Button
        className="wallet"
        fullWidth
        leftSection={<WalletSign />}
        loading={taking.isPending}
        data-testid="apple-wallet"
        onClick={() => taking.mutate()}
      >
        {t('wallets.apple')}
      </Button>
      <Text size="xs" c="dimmed" ta="center">
        {t('wallets.hint')}
      </Text>
    </Stack>
  )
}

/** Cards in a pocket. */
function WalletSign() {
  return (
    <svg viewBox="0 0 24 24" width={22} height={22} aria-hidden="true">
      <rect x="3" y="3" width="18" height="9" rx="2.4" fill="#62d296" />
      <rect x="3" y="6.2" width="18" height="9" rx="2.4" fill="#f0b429" />
      <rect x="3" y="9.4" width="18" height="9" rx="2.4" fill="#9cc2f5" />
      <path
        d="M3 13.2h5.6c.9 0 1.2 2.6 3.4 2.6s2.5-2.6 3.4-2.6H21v5.6c0 1.4-1 2.4-2.4 2.4H5.4C4 21.2 3 20.2 3 18.8z"
        fill="#fff"
      />
    </svg>
  )
}
