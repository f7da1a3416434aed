/** The frame of every sign-in: name, form, and the switches that must work before one is let in. */
import { Box, Container, Group, Paper, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { LanguageSwitch, ThemeSwitch } from './Preferences'
import { useSession } from './session'
import { useWords } from './words'

export function Entrance({ title, hint, children }: { title: string; hint: string; children: ReactNode }) {
  const { t } = useWords()
  const { ended } = useSession()
  return (
    <Container component="main" size={440} px="md" py={{ base: 32, sm: 96 }}>
      <Stack gap="lg">
        <Box>
          <Text size="sm" c="dimmed" fw={600}>
            Unioncard
          </Text>
          <Title order={1} size="h2">
            {title}
          </Title>
          <Text c="dimmed" mt={4}>
            {ended ? t('signin.ended') : hint}
          </Text>
        </Box>
        <Paper className="surface" p="lg">
          {children}
        </Paper>
        <Group justify="space-between" gap="sm">
          <LanguageSwitch size="xs" />
          <ThemeSwitch size="xs" />
        </Group>
      </Stack>
    </Container>
  )
}
