/** One accent, one radius for surfaces and one for controls, one spacing scale: the whole look in one place. */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'

const ink: MantineColorsTuple = [
  '#eef3fa',
  '#dbe6f4',
  '#b8cee9',
  '#9cc2f5',
  '#7fabe4',
  '#4f7fbd',
  '#3766a4',
  '#1b3d69',
  '#163359',
  '#10243e',
]
const red: MantineColorsTuple = [
  '#fdeceb',
  '#f9d9d7',
  '#f2b3ae',
  '#ff8a80',
  '#ff8a80',
  '#dd5247',
  '#c93a30',
  '#b3261e',
  '#951f18',
  '#741711',
]
const green: MantineColorsTuple = [
  '#e4f3ea',
  '#cfe9db',
  '#a3d6ba',
  '#62d296',
  '#62d296',
  '#36a46a',
  '#288c5a',
  '#1f7a4d',
  '#176540',
  '#124e31',
]
const amber: MantineColorsTuple = [
  '#fdf3dc',
  '#f9e6b8',
  '#f3d283',
  '#f0b429',
  '#f0b429',
  '#bd8512',
  '#a36f08',
  '#8a5a00',
  '#714a00',
  '#553700',
]
const gray: MantineColorsTuple = [
  '#faf9f6',
  '#f3f1ec',
  '#eae6de',
  '#dfdad0',
  '#cfc9bd',
  '#98a1ae',
  '#667085',
  '#4b5565',
  '#344054',
  '#1c2430',
]
const dark: MantineColorsTuple = [
  '#e9edf3',
  '#c3cbd8',
  '#98a4b6',
  '#8290a6',
  '#273142',
  '#212a39',
  '#111823',
  '#161d29',
  '#0d121a',
  '#080b11',
]

export const theme = createTheme({
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  headings: {
    fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    fontWeight: '700',
  },
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  colors: { ink, red, green, amber, gray, dark },
  black: '#1c2430',
  defaultRadius: 'sm',
  radius: { xs: '4px', sm: '8px', md: '14px', lg: '14px', xl: '24px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Paper: { defaultProps: { radius: 'md' } },
    Modal: { defaultProps: { radius: 'md', centered: true } },
    Alert: { defaultProps: { radius: 'md', variant: 'light' } },
    Badge: {
      defaultProps: { variant: 'light' },
      styles: {
        root: {
          textTransform: 'none',
          fontWeight: 600,
          flexShrink: 0,
          width: 'max-content',
          maxWidth: 'none',
        },
        label: { overflow: 'visible' },
      },
    },
    Kbd: { styles: { root: { fontFamily: 'inherit' } } },
    Skeleton: { defaultProps: { radius: 'sm' } },
  },
})

/** Mantine's own variables, pointed at the palette of base.css. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-text': '#1c2430',
    '--mantine-color-dimmed': '#667085',
    '--mantine-color-default-border': '#dfdad0',
    '--mantine-color-placeholder': '#6b7383',
    '--mantine-color-error': '#b3261e',
  },
  dark: {
    '--mantine-color-body': '#161d29',
    '--mantine-color-text': '#e9edf3',
    '--mantine-color-dimmed': '#98a4b6',
    '--mantine-color-default-border': '#273142',
    '--mantine-color-placeholder': '#8d99ac',
    '--mantine-color-error': '#ff8a80',
  },
})
